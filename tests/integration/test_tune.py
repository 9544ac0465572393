"""A badly set release is tuned with real Tritons, and what comes out answers as it did."""

from __future__ import annotations

import shutil
from pathlib import Path

from triptych.release import read_release
from triptych.releases.verification import replay_all
from triptych.routing import ReleaseName
from triptych.tuning.journal import Journal
from triptych.tuning.tune import TuneRequest, tune, write

PROJECT = Path(__file__).resolve().parents[2]


def test_a_release_that_waits_for_nothing_is_found_out_and_the_next_one_does_not(
    tmp_path: Path,
) -> None:
    repository = tmp_path / "models"
    shutil.copytree(PROJECT / "model_repository", repository)
    config = repository / "digits_r1_preprocess" / "config.pbtxt"
    delay = "dynamic_batching {\n  max_queue_delay_microseconds: 200000"
    config.write_text(config.read_text().replace("dynamic_batching {", delay))
    slow = read_release(repository, ReleaseName("digits", 1))
    request = TuneRequest(
        slow,
        p99_ms=190,
        minutes=1.5,
        journal=Journal(tmp_path / "tuning", slow, 190),
        only=["preprocess_delay_us"],
        level_seconds=0.3,
    )

    tuned = tune(request, lambda _turned, _level: None)
    new = write(request, tuned)

    assert tuned.before is None  # no request is answered before the delay has passed
    assert tuned.after
    assert tuned.after.p99_ms <= 190
    assert tuned.start["preprocess_delay_us"] == 200_000
    assert tuned.setting["preprocess_delay_us"] <= 5000
    assert tuned.after.cpu_ms > 0
    written = read_release(repository, new)
    assert not written.changed_files()
    replayed = replay_all(repository, [written])[written.name]
    assert (replayed.right, replayed.problems) == (12, ())
