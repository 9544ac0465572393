"""Which plan belongs to a release on a machine: every part of the key makes another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.triptych.small_release import write_release_with_engines, write_small_release
from triptych.engines import TENSORRT, config_file
from triptych.errors import PlanUnavailable
from triptych.plans.plan_key import PlanKey, Profile, may_have_plan, plan_key
from triptych.plans.target import Target
from triptych.release import Release, read_release
from triptych.routing import ReleaseName

TARGET = Target(Path("trtexec"), "100700-b23", "8.9", "NVIDIA L4")
PROFILE = Profile("PIXELS", "1x28x32x3", "8x28x32x3", "32x28x32x3")
KEY = PlanKey("ab12", "100700-b23", "8.9", "fp16", PROFILE)


def released(repository: Path) -> Release:
    return read_release(repository, ReleaseName("digits", 1))


def test_the_key_is_of_the_onnx_the_machine_and_the_profile(tmp_path: Path) -> None:
    write_release_with_engines(tmp_path)
    release = released(tmp_path)

    key = plan_key(release, TARGET)

    assert key == replace(KEY, onnx_sha256=release.model_sha256())
    assert len(key.digest) == 64


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, onnx_sha256="cd34"),
        replace(KEY, tensorrt="100700-b24"),
        replace(KEY, compute_capability="9.0"),
        replace(KEY, precision="fp8"),
        replace(KEY, profile=replace(PROFILE, largest="64x28x32x3")),
        replace(KEY, profile=replace(PROFILE, typical="4x28x32x3")),
    ],
    ids=["onnx", "tensorrt", "card", "precision", "largest", "typical"],
)
def test_another_value_of_any_part_is_another_plan(other: PlanKey) -> None:
    assert other.digest != KEY.digest


def test_the_name_of_the_card_and_where_trtexec_is_make_no_other_plan(tmp_path: Path) -> None:
    write_release_with_engines(tmp_path)
    release = released(tmp_path)
    elsewhere = replace(TARGET, trtexec=Path("/opt/trtexec"), gpu="NVIDIA L40S")

    assert plan_key(release, elsewhere) == plan_key(release, TARGET)


def test_small_batches_have_a_profile_no_larger_than_they_are() -> None:
    config = {"max_batch_size": 4, "input": [{"name": "PIXELS", "dims": ["2", "2", "3"]}]}

    assert Profile.of_config(config) == Profile("PIXELS", "1x2x2x3", "4x2x2x3", "4x2x2x3")


@pytest.mark.parametrize("config", [{}, {"max_batch_size": 4, "input": []}, {"input": [{}]}])
def test_a_configuration_that_is_none_is_told(config: dict[str, object]) -> None:
    with pytest.raises(PlanUnavailable, match="configuration for TensorRT is none"):
        Profile.of_config(config)


def test_a_release_from_before_has_no_plan(tmp_path: Path) -> None:
    write_small_release(tmp_path)

    assert not may_have_plan(released(tmp_path))
    with pytest.raises(PlanUnavailable, match=r"digits_r1 has no configs/tensorrt\.pbtxt"):
        plan_key(released(tmp_path), TARGET)


def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write_release_with_engines(tmp_path)
    config_file(tmp_path / "digits_r1_model", TENSORRT).write_text("no protobuf")

    with pytest.raises(PlanUnavailable, match="cannot be read"):
        plan_key(released(tmp_path), TARGET)
