"""Plans are built whole or not at all, whatever trtexec does, and failures are remembered."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.fakes.fake_tensorrt import FakeTensorRt
from tests.unit.triptych.small_release import write_release_with_engines
from triptych.errors import ReleaseBroken
from triptych.plans.builder import build_plan
from triptych.plans.plan_key import PlanKey, plan_key
from triptych.plans.plan_store import Entry, Found, PlanStore
from triptych.plans.target import find_target
from triptych.plans.trtexec import BuildStopped
from triptych.release import Release, read_release
from triptych.routing import ReleaseName


class Rig:
    """One release, one store, and the tools."""

    def __init__(self, folder: Path, tools: FakeTensorRt) -> None:
        write_release_with_engines(folder / "models")
        self.tools = tools
        self.release: Release = read_release(folder / "models", ReleaseName("digits", 1))
        self.store = PlanStore(folder / "plans")
        self.stopping = threading.Event()

    def key(self) -> PlanKey:
        return plan_key(self.release, find_target())

    def build(self, timeout_seconds: float = 20.0, *, is_wanted_anew: bool = False) -> Entry:
        target, pause = find_target(), self.stopping.wait
        return build_plan(
            self.store,
            self.release,
            self.key(),
            target,
            timeout_seconds,
            is_wanted_anew=is_wanted_anew,
            pause=pause,
        )

    def plan(self) -> Path:
        return self.store.file(self.key())

    def files(self) -> set[str]:
        return {file.name for file in self.store.folder(self.key()).iterdir()}


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    tools = FakeTensorRt(tmp_path / "tools")
    monkeypatch.setenv("PATH", tools.path)
    return Rig(tmp_path, tools)


def test_a_plan_is_built_by_one_command_and_kept_with_what_it_depends_on(rig: Rig) -> None:
    assert rig.store.find(rig.key()) == Entry(Found.NOTHING)

    assert rig.build() == Entry(Found.BUILT)

    onnx = rig.release.model_folder() / "1" / "model.onnx"
    part = rig.store.folder(rig.key()) / "model.plan.part"
    assert rig.tools.built() == [
        f"--onnx={onnx} --saveEngine={part} --fp16 --minShapes=PIXELS:1x28x32x3 "
        "--optShapes=PIXELS:8x28x32x3 --maxShapes=PIXELS:32x28x32x3 --skipInference"
    ]
    assert rig.files() == {rig.plan().name, "model.plan", "plan.json", "build.log"}
    facts = json.loads((rig.store.folder(rig.key()) / "plan.json").read_text())
    assert (facts["gpu"], facts["release"]) == ("NVIDIA L4", "digits_r1")
    assert facts["key"]["tensorrt"] == "100700-b23"
    assert rig.store.is_intact(rig.key())


def test_one_that_is_there_is_not_built_again(rig: Rig) -> None:
    rig.build()

    assert rig.build() == Entry(Found.BUILT)
    assert len(rig.tools.built()) == 1


def test_another_tensorrt_builds_another_one_and_the_first_stays(rig: Rig) -> None:
    rig.build()
    first = rig.key()
    rig.tools.builds("good", version="100900")

    assert rig.build() == Entry(Found.BUILT)

    assert len(rig.tools.built()) == 2
    assert rig.store.find(first).found is Found.BUILT


def test_a_folder_that_tells_of_another_key_holds_no_plan(rig: Rig) -> None:
    rig.build()
    file = rig.store.folder(rig.key()) / "plan.json"
    facts = json.loads(file.read_text())
    facts["key"]["compute_capability"] = "9.0"
    file.write_text(json.dumps(facts))

    assert rig.store.find(rig.key()) == Entry(Found.NOTHING)
    assert rig.build() == Entry(Found.BUILT)
    assert len(rig.tools.built()) == 2


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_a_broken_plan_json_is_none(rig: Rig, text: str) -> None:
    rig.build()
    (rig.store.folder(rig.key()) / "plan.json").write_text(text)

    assert rig.store.find(rig.key()) == Entry(Found.NOTHING)
    assert not rig.store.is_intact(rig.key())


def test_a_plan_that_changed_on_disk_is_seen(rig: Rig) -> None:
    rig.build()
    with (rig.store.folder(rig.key()) / "model.plan").open("ab") as stream:
        stream.write(b"!")

    assert not rig.store.is_intact(rig.key())


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("fails", "trtexec ended with exit code 1: [E] Error[4]: no kernel"),
        ("says nothing", "trtexec ended with exit code 3: &&&& RUNNING TensorRT.trtexec"),
        ("dies", "trtexec ended with signal 11: &&&& RUNNING TensorRT.trtexec"),
        ("nothing", "trtexec says that all went well, and wrote no plan"),
        ("empty", "trtexec says that all went well, and wrote no plan"),
    ],
)
def test_a_build_that_fails_is_remembered_with_its_reason(rig: Rig, how: str, reason: str) -> None:
    rig.tools.builds(how)

    entry = rig.build()

    assert entry.found is Found.REFUSED
    assert (entry.reason or "").startswith(reason)
    rig.tools.builds("good")
    assert rig.build() == entry
    assert len(rig.tools.built()) == 1
    assert rig.files() == {"refused.json", "build.log"}


def test_one_that_hangs_is_ended_after_its_time(rig: Rig) -> None:
    rig.tools.builds("hangs")

    entry = rig.build(timeout_seconds=0.5)

    assert entry == Entry(Found.REFUSED, "trtexec was not done within 0.5 seconds")
    assert rig.files() == {"refused.json", "build.log"}


def test_who_stops_waiting_leaves_nothing_behind_and_nothing_held_against_it(rig: Rig) -> None:
    rig.tools.builds("hangs")
    rig.stopping.set()

    with pytest.raises(BuildStopped):
        rig.build()

    assert rig.store.find(rig.key()) == Entry(Found.NOTHING)
    assert rig.files() == {"build.log"}


def test_what_a_crash_left_half_written_is_overwritten(rig: Rig) -> None:
    rig.store.part(rig.key()).write_text("half")
    assert rig.store.find(rig.key()) == Entry(Found.NOTHING)

    assert rig.build() == Entry(Found.BUILT)
    assert rig.files() == {rig.plan().name, "model.plan", "plan.json", "build.log"}


def test_only_one_is_built_at_a_time(rig: Rig) -> None:
    with rig.store.building() as is_ours:
        assert is_ours
        assert rig.build() == Entry(Found.NOTHING)

    assert rig.tools.built() == []
    assert rig.build() == Entry(Found.BUILT)


def test_what_was_refused_can_be_forgotten(rig: Rig) -> None:
    rig.tools.builds("fails")
    rig.build()
    rig.tools.builds("good")

    rig.store.forget(rig.key())

    assert rig.build() == Entry(Found.BUILT)


def test_a_trial_is_known_until_it_ends_and_to_the_triton_that_began_it(rig: Rig) -> None:
    rig.build()
    rig.store.begin_trial(rig.key(), "-1")

    assert rig.store.is_on_trial(rig.key(), "-1")
    assert not rig.store.is_on_trial(rig.key(), "")
    rig.store.end_trial(rig.key(), "-1")
    rig.store.end_trial(rig.key(), "-1")
    assert not rig.store.is_on_trial(rig.key(), "-1")


def test_of_another_onnx_than_the_key_says_there_is_no_plan(rig: Rig) -> None:
    onnx = rig.release.model_folder() / "1" / "model.onnx"
    onnx.write_text("somebody replaced it while trtexec ran")

    with pytest.raises(ReleaseBroken, match=r"model\.onnx is not what release.json hashed"):
        rig.build()
    assert rig.files() == {"build.log"}
    assert rig.store.find(rig.key()) == Entry(Found.NOTHING)


def test_one_that_is_built_anew_never_takes_the_place_of_one_that_is_served(rig: Rig) -> None:
    rig.build()
    served, text = rig.plan(), rig.plan().read_text()
    rig.tools.builds("wrong")

    assert rig.build(is_wanted_anew=True) == Entry(Found.BUILT)

    assert served.read_text() == text
    assert rig.plan().read_text() != text
    assert rig.store.is_intact(rig.key())
