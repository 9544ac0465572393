"""What a machine says of its cards and its trtexec."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.fake_tensorrt import FakeTensorRt
from triptych.errors import PlanUnavailable
from triptych.plans.target import Target, find_target, has_backend


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTensorRt:
    tools = FakeTensorRt(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    return tools


def test_card_version_and_build_are_told(tools: FakeTensorRt) -> None:
    assert find_target() == Target(tools.folder / "trtexec", "100700-b23", "8.9", "NVIDIA L4")


def test_equal_cards_are_one_target_and_others_are_none(tools: FakeTensorRt) -> None:
    tools.has_cards("NVIDIA H100 80GB HBM3, 9.0", "NVIDIA H100 80GB HBM3, 9.0")
    assert find_target().compute_capability == "9.0"

    tools.has_cards("NVIDIA H100 80GB HBM3, 9.0", "NVIDIA L4, 8.9")
    with pytest.raises(PlanUnavailable, match=r"plans of their own each: 8\.9, 9\.0"):
        find_target()


def test_without_a_card_there_is_no_target(
    tools: FakeTensorRt, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools.has_cards("NVIDIA-SMI has failed because it could not communicate with the driver")
    with pytest.raises(PlanUnavailable, match="names no GPU: NVIDIA-SMI has failed"):
        find_target()

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PlanUnavailable, match="nvidia-smi is not installed"):
        find_target()


def test_without_trtexec_there_is_no_target(tools: FakeTensorRt) -> None:
    (tools.folder / "trtexec").unlink()

    with pytest.raises(PlanUnavailable, match="There is no trtexec, neither on the PATH nor"):
        find_target()


def test_a_trtexec_of_no_known_version_makes_no_target(tools: FakeTensorRt) -> None:
    (tools.folder / "trtexec").write_text("#!/bin/sh\necho segmentation fault; exit 139\n")

    with pytest.raises(PlanUnavailable, match="does not say which TensorRT"):
        find_target()


def test_a_tool_that_cannot_be_started_makes_no_target(tools: FakeTensorRt) -> None:
    (tools.folder / "trtexec").write_text("#!/no/such/shell\n")

    with pytest.raises(PlanUnavailable, match="trtexec cannot be asked"):
        find_target()


def test_the_triton_of_the_wheel_has_no_backend_for_plans(tmp_path: Path) -> None:
    assert not has_backend(tmp_path)
    (tmp_path / "tensorrt").mkdir()
    assert has_backend(tmp_path)


def test_what_nvidia_smi_warns_of_is_no_card(tools: FakeTensorRt) -> None:
    tools.has_cards("WARNING: infoROM is corrupted at gpu 0, see the log", "NVIDIA L4, 8.9")

    assert (find_target().gpu, find_target().compute_capability) == ("NVIDIA L4", "8.9")
