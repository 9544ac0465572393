from __future__ import annotations

from pathlib import Path

from benchmarks.comparison.measuring import Subject
from benchmarks.comparison.pictures_on_disk import Pictures
from benchmarks.comparison.stages import Stage, read_stages, stages_between, write_stages
from benchmarks.network_cache import Network
from triptych.client.triton import ModelCounts

PICTURES = Pictures(Path(), width=1, height=1, contents=(b"a",))
SUBJECT = Subject("ways", Network("tiny", "tiny network", 10), PICTURES, "direct", clients=16)
IDLE = {f"tiny_r1_{step}": ModelCounts() for step in ("preprocess", "model", "postprocess")}


def test_a_stage_is_what_a_step_did_between_two_looks() -> None:
    before = IDLE | {"tiny_r1_model": ModelCounts(requests=10, items=10, executions=10)}
    after = IDLE | {
        "tiny_r1_model": ModelCounts(
            requests=110, items=210, executions=60, queue_ns=50_000_000, compute_ns=300_000_000
        )
    }

    (stage,) = stages_between(before, after, SUBJECT)

    assert stage == Stage("tiny", 16, "model", 100, mean_batch=4, queue_ms=0.5, compute_ms=3.0)


def test_a_step_that_was_started_anew_meanwhile_is_left_out() -> None:
    before = IDLE | {"tiny_r1_model": ModelCounts(requests=10, items=10, executions=10)}

    assert stages_between(before, IDLE, SUBJECT) == []


def test_stages_are_read_as_they_were_written(tmp_path: Path) -> None:
    stages = [Stage("tiny", 16, "model", 100, mean_batch=4.25, queue_ms=0.5, compute_ms=3.125)]

    write_stages(tmp_path / "stages.csv", stages)

    assert read_stages(tmp_path / "stages.csv") == stages
