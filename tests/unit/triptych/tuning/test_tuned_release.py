"""Knobs in config.pbtxt, and the release that is written with them turned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.fake_cores import fake_cores
from tests.unit.triptych.small_release import DRAFT, VERDICT, write, write_small_release
from triptych.engine_configs import read_override
from triptych.errors import ReleaseBroken
from triptych.export.release_writer import EngineVerdict
from triptych.release import Release, read_release
from triptych.routing import ReleaseName
from triptych.tuning.closed_loop import Load
from triptych.tuning.journal import Journal
from triptych.tuning.knobs import apply, knobs_of, read_steps, to_text
from triptych.tuning.trial import Trial
from triptych.tuning.tuned_release import write_tuned

TURNED = {
    "decode_processes": 1,
    "model_threads": 2,
    "model_instances": 2,
    "max_batch_size": 8,
    "preprocess_delay_us": 500,
    "model_delay_us": 1000,
    "preprocess_instances": 2,
}


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    fake_cores(monkeypatch, 3)
    write_small_release(tmp_path)
    return read_release(tmp_path, ReleaseName("digits", 1))


def test_a_release_says_how_it_is_set_and_what_can_be_turned(release: Release) -> None:
    knobs, now = knobs_of(release, read_steps(release))
    assert now == {
        "decode_processes": 3,
        "model_threads": 1,
        "model_instances": 1,
        "max_batch_size": 32,
        "preprocess_delay_us": 0,
        "model_delay_us": 0,
        "preprocess_instances": 1,
    }
    assert knobs["max_batch_size"].values == (1, 2, 4, 8, 16, 32)
    assert knobs["model_threads"].values == (1, 2, 3)
    assert [knobs["model_threads"].next_to(1, it) for it in (1, -1)] == [2, None]


def test_every_knob_is_read_back_as_it_was_written(release: Release) -> None:
    steps = read_steps(release)
    knobs, _ = knobs_of(release, steps)
    apply(steps, knobs, TURNED)
    assert knobs_of(release, steps)[1] == TURNED
    assert {config.max_batch_size for config in steps.values()} == {8}
    assert "max_queue_delay_microseconds: 500" in to_text(steps["preprocess"])
    assert "max_queue_size: 512" in to_text(steps["preprocess"])


def test_what_is_not_turned_is_not_written(release: Release) -> None:
    steps = read_steps(release)
    for config in steps.values():
        config.ClearField("dynamic_batching")
        config.ClearField("parameters")
        config.ClearField("instance_group")
    before = {step: to_text(config) for step, config in steps.items()}
    knobs, now = knobs_of(release, steps)

    apply(steps, knobs, {**now, "model_delay_us": 200})

    after = {step: to_text(config) for step, config in steps.items()}
    assert "max_queue_delay_microseconds: 200" in after.pop("model")
    assert after.items() <= before.items()
    assert not {"parameters", "instance_group"} & {it.name for it, _ in steps["model"].ListFields()}


def test_an_odd_value_that_is_set_can_be_left_and_found_again(release: Release) -> None:
    steps = read_steps(release)
    steps["model"].dynamic_batching.max_queue_delay_microseconds = 700
    knob = knobs_of(release, steps)[0]["model_delay_us"]
    assert (knob.next_to(700, 1), knob.next_to(700, -1)) == (1000, 500)


@pytest.mark.parametrize(("instances", "each"), [(1, 3), (2, 1)])
def test_all_cores_are_read_as_their_number(release: Release, instances: int, each: int) -> None:
    steps = read_steps(release)
    steps["model"].parameters["intra_op_thread_count"].string_value = "0"
    steps["model"].instance_group[0].count = instances

    knobs, now = knobs_of(release, steps)
    apply(steps, knobs, now)

    assert (now["model_threads"], knobs["model_threads"].values) == (each, (1, 2, 3))
    assert steps["model"].parameters["intra_op_thread_count"].string_value == "0"
    apply(steps, knobs, {**now, "model_instances": 3 - instances})
    assert f'"{each}"' in to_text(steps["model"])  # it is not what all cores are by now


def test_the_tuned_release_is_whole_and_the_other_one_is_as_it_was(release: Release) -> None:
    files = [it for it in release.repository.rglob("*") if it.is_file()]
    before = {file: file.read_bytes() for file in files}
    knobs, _ = knobs_of(release, read_steps(release))

    new = write_tuned(release, knobs, TURNED, {"p99_ms": 50.0})

    assert str(new) == "digits_r2"
    assert {file: file.read_bytes() for file in files} == before
    written = read_release(release.repository, new)
    assert written.missing_files() == written.changed_files() == written.unknown_files() == []
    assert knobs_of(written, read_steps(written))[1] == TURNED
    assert (written.max_batch_size, written.promotable) == (8, release.promotable)
    assert written.model_sha256() == release.model_sha256()
    assert [it.label for it in written.golden] == [it.label for it in release.golden]
    certificate = json.loads((release.repository / "digits_r2" / "release.json").read_text())
    assert certificate["tuned"] == {"from": "digits_r1", "p99_ms": 50.0}
    ensemble = read_steps(written)[""]
    assert [it.model_name for it in ensemble.ensemble_scheduling.step] == [
        "digits_r2_preprocess",
        "digits_r2_model",
        "digits_r2_postprocess",
    ]
    assert not list(release.repository.glob(".writing-*"))


def test_a_file_that_is_not_what_was_released_is_not_released_anew(release: Release) -> None:
    (release.model_folder() / "1" / "model.onnx").write_bytes(b"something else")
    knobs, now = knobs_of(release, read_steps(release))

    with pytest.raises(ReleaseBroken, match=r"digits_r1_model/1/model\.onnx"):
        write_tuned(release, knobs, {**now, "model_threads": 2}, {})

    assert not (release.repository / "digits_r2").exists()
    assert not list(release.repository.glob(".writing-*"))


def test_trials_are_remembered_for_the_same_bytes_and_bound(
    tmp_path: Path, release: Release
) -> None:
    trial = Trial(TURNED, (Load(4, 100.0, 5.0, 9.0, 2.5, 0),))
    failed = Trial(TURNED, (), "it does not load")
    journal = Journal(tmp_path / "journals", release, 50.0)
    assert list(journal.read()) == []
    journal.add(trial)
    journal.add(failed)
    with journal.file.open("a") as stream:
        stream.write('{"setting": {"a"')  # broken off
    assert list(journal.read()) == [trial, failed]
    journal.add(trial)
    assert list(journal.read()) == [trial, failed, trial]
    assert list(Journal(tmp_path / "journals", release, 60.0).read()) == []
    assert list(Journal(tmp_path / "journals", release, 50.0, [b"a picture"]).read()) == []
    assert list(Journal(tmp_path / "journals", release, 50.0, anew=True).read()) == []


def test_the_best_level_is_the_one_with_most_answers_that_keeps_the_bound() -> None:
    levels = (
        Load(1, 50.0, 5, 10, 1, 0),
        Load(2, 90.0, 9, 30, 1, 0),
        Load(4, 120.0, 9, 60, 1, 0),
        Load(8, 110.0, 9, 45, 1, 3),
    )
    trial = Trial({}, levels)
    assert trial.best(50) == levels[1]
    assert trial.best(5) is None
    assert trial.least_p99_ms() == 10
    assert Trial({}, (), "no").best(50) is None


def test_other_engines_keep_their_threads_which_nobody_tried_and_take_the_rest(
    tmp_path: Path,
) -> None:
    draft = replace(DRAFT, engine="openvino", engines=("openvino", "onnxruntime"))
    passed = EngineVerdict(passed=True, parity={}, answers=(("0", 0.5), ("1", 0.5)))
    engines = {"openvino": passed, "onnxruntime": passed}
    write(tmp_path, draft, replace(VERDICT, engines=engines))
    release = read_release(tmp_path, ReleaseName("digits", 1))
    knobs, _ = knobs_of(release, read_steps(release))

    new = write_tuned(release, knobs, {"model_threads": 2, "max_batch_size": 8}, {})

    written = read_release(tmp_path, new)
    assert written.missing_files() == written.changed_files() == written.unknown_files() == []
    assert set(written.engines) == {"openvino", "onnxruntime"}
    for engine, parameter, threads in [
        ("openvino", "INFERENCE_NUM_THREADS", "2"),
        ("onnxruntime", "intra_op_thread_count", "1"),
    ]:
        config = json.loads(read_override(written.model_folder(), engine))
        assert (config["name"], config["max_batch_size"]) == ("digits_r2_model", 8)
        assert config["parameters"][parameter] == {"string_value": threads}


def test_a_plan_has_graphs_of_the_batches_that_come_and_the_instances_of_its_card(
    tmp_path: Path,
) -> None:
    passed = EngineVerdict(passed=True, parity={}, answers=(("0", 0.5), ("1", 0.5)))
    draft = replace(DRAFT, engines=("onnxruntime",))
    write(tmp_path, draft, replace(VERDICT, engines={"onnxruntime": passed}))
    release = read_release(tmp_path, ReleaseName("digits", 1))
    knobs, _ = knobs_of(release, read_steps(release))

    new = write_tuned(release, knobs, {"model_instances": 1, "max_batch_size": 4}, {})

    config = json.loads(read_override(read_release(tmp_path, new).model_folder(), "tensorrt"))
    assert (config["name"], config["max_batch_size"]) == ("digits_r2_model", 4)
    assert config["instance_group"][0]["count"] == 2
    graphs = config["optimization"]["cuda"]["graph_spec"]
    assert [graph["batch_size"] for graph in graphs] == [1, 2, 4]
