"""How a plan lies in the serving view, and that the releases stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.triptych.small_release import write_release_with_engines
from triptych.engine_configs import read_config
from triptych.plans.served_plan import TrialModels, link_plan, remove_trial, write_trial
from triptych.release import Release, read_release
from triptych.routing import ReleaseName
from triptych.stack.serving_view import build_view


@pytest.fixture
def release(tmp_path: Path) -> Release:
    write_release_with_engines(tmp_path / "models")
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "model.plan").write_text("a plan")
    release = read_release(tmp_path / "models", ReleaseName("digits", 1))
    build_view(tmp_path / "view", [release])
    return release


def test_the_plan_lies_beside_the_onnx_and_not_in_the_repository(
    tmp_path: Path, release: Release
) -> None:
    for _ in range(2):  # the second time changes nothing
        link_plan(tmp_path / "view", release, tmp_path / "plan" / "model.plan")

    model = tmp_path / "view" / "digits_r1_model"
    assert (model / "1" / "model.plan").read_text() == "a plan"
    assert (model / "1" / "model.onnx").read_bytes() == b"not really ONNX"
    assert read_config(model / "config.pbtxt")["backend"] == "onnxruntime"
    assert read_config(model / "configs" / "tensorrt.pbtxt")["platform"] == "tensorrt_plan"
    assert release.missing_files() == release.changed_files() == release.unknown_files() == []


def test_a_trial_is_a_pipeline_of_its_own_over_the_same_steps(
    tmp_path: Path, release: Release
) -> None:
    view = tmp_path / "view"

    for _ in range(2):
        names = write_trial(view, release, tmp_path / "plan" / "model.plan")

    assert names == TrialModels("digits_r1_plan", "digits_r1_plan_model")
    steps = read_config(view / names.ensemble / "config.pbtxt")["ensemble_scheduling"]["step"]
    assert [step["model_name"] for step in steps] == [
        "digits_r1_preprocess",
        "digits_r1_plan_model",
        "digits_r1_postprocess",
    ]
    assert read_config(view / names.model / "config.pbtxt")["name"] == names.model
    assert (view / names.model / "1" / "model.plan").read_text() == "a plan"
    assert ReleaseName.parse(names.ensemble) is None

    remove_trial(view, names)
    assert {folder.name for folder in view.iterdir()} == set(release.models())
