"""Ten thousand digits as a job, beside the SDK's folder run and the bare code; and who waits.

python -m benchmarks.jobs
"""

from __future__ import annotations

import argparse
import io
import os
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx

from benchmarks.comparison.floor_run import same_code_floor
from benchmarks.interactive import Waits, measured_waits
from benchmarks.local_stack import LocalStack, local_stack
from benchmarks.report import footnotes
from triptych.client import DirectClient

_PROJECT: Final = Path(__file__).resolve().parents[1]
_RESULT: Final = _PROJECT / "benchmarks" / "results" / "jobs.md"
_REPOSITORY: Final = _PROJECT / "model_repository"
_SAMPLES: Final = _PROJECT / "examples" / "digits" / "samples"
_ITEMS: Final = 10_000
_ROUNDS: Final = 3
_SPEED_AIM: Final = 0.9
_WAIT_AIM: Final = 2.0
_FLOOR_SECONDS: Final = 10.0
_FLOOR_BATCH: Final = 32
_WAIT_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.05
_PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Round:
    """Each way once, one after the other; images per second."""

    floor: float
    direct: float
    job: float
    """From the first byte of the upload to the last of the answers."""
    run: float
    """From the first chunk that a worker took to the job's end."""


@dataclass
class Measured:
    """All that the report tells."""

    rounds: list[Round] = field(default_factory=list)
    idle: list[Waits] = field(default_factory=list)
    beside: list[Waits] = field(default_factory=list)
    beside_rate: list[float] = field(default_factory=list)
    """Images per second of the job meanwhile."""


def _pictures() -> list[bytes]:
    files = sorted(it for it in _SAMPLES.iterdir() if it.suffix in {".png", ".jpg", ".jpeg"})
    return [file.read_bytes() for file in files]


def archive_of(pictures: Sequence[bytes], items: int) -> bytes:
    """A TAR of so many pictures, which repeat."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for number, content in enumerate(islice(cycle(pictures), items)):
            member = tarfile.TarInfo(f"{number:05d}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


class Jobs:
    """Gives jobs to a stack and waits for them."""

    def __init__(self, stack: LocalStack) -> None:
        headers = {"Authorization": f"Bearer {stack.admin_key}"}
        self._http = httpx.Client(
            base_url=stack.gateway_url, headers=headers, timeout=120, trust_env=False
        )

    def give(self, archive: bytes) -> str:
        """Submit a TAR; the job's id."""
        headers = {"Content-Type": "application/x-tar", "Content-Length": str(len(archive))}
        # In pieces: httpx copies what is left of a body with each piece that it has sent.
        pieces = (
            archive[begin : begin + _PIECE_BYTES] for begin in range(0, len(archive), _PIECE_BYTES)
        )
        answer = self._http.post(
            "/v1/jobs", params={"alias": "digits"}, content=pieces, headers=headers
        )
        return str(answer.raise_for_status().json()["id"])

    def now(self, job_id: str) -> dict[str, Any]:
        """Where it stands."""
        return dict(self._http.get(f"/v1/jobs/{job_id}").raise_for_status().json())

    def ended(self, job_id: str) -> dict[str, Any]:
        """Wait for its end."""
        while (job := self.now(job_id))["ended_at"] is None:
            time.sleep(_LOOK_SECONDS)
        if job["state"] != "succeeded" or job["refused"]:
            raise RuntimeError(f"the job did not go well: {job}")
        return job

    def answers(self, job_id: str) -> int:
        """Read all answers; how many there are."""
        return self._http.get(f"/v1/jobs/{job_id}/results").raise_for_status().text.count("\n")

    def cancel(self, job_id: str) -> None:
        """End it before its time."""
        self._http.delete(f"/v1/jobs/{job_id}").raise_for_status()


def _direct_rate(stack: LocalStack, pictures: Sequence[bytes]) -> float:
    address = f"127.0.0.1:{stack.triton['grpc'].rpartition(':')[2]}"
    started = time.perf_counter()
    with DirectClient(stack.gateway_url, stack.admin_key, [address], "digits") as client:
        answered = sum(1 for _ in client.classify(islice(cycle(pictures), _ITEMS)))
    return answered / (time.perf_counter() - started)


def _job_rates(jobs: Jobs, archive: bytes) -> tuple[float, float]:
    started = time.perf_counter()
    job_id = jobs.give(archive)
    job = jobs.ended(job_id)
    if jobs.answers(job_id) != _ITEMS:
        raise RuntimeError("some answers are missing")
    return _ITEMS / (time.perf_counter() - started), float(job["per_second"])


def _floor_rate(folder: Path) -> float:
    cores = os.cpu_count() or 1
    with same_code_floor(_REPOSITORY / "digits_r1", folder, _FLOOR_BATCH, cores) as work:
        load, _ = work(_FLOOR_SECONDS)
    return load.images / load.seconds


def _beside(stack: LocalStack, jobs: Jobs, archive: bytes, measured: Measured) -> None:
    picture = _pictures()[0]
    measured.idle.append(measured_waits(stack, picture, _WAIT_SECONDS))
    job_id = jobs.give(archive)
    measured_waits(
        stack, picture, 5.0
    )  # it notices that somebody waits, and how long one item takes
    before, started = jobs.now(job_id)["done"], time.perf_counter()
    measured.beside.append(measured_waits(stack, picture, _WAIT_SECONDS))
    done, seconds = jobs.now(job_id)["done"] - before, time.perf_counter() - started
    measured.beside_rate.append(done / seconds)
    jobs.cancel(job_id)


def measure(rounds: int) -> Measured:
    """Start a stack and take turns."""
    pictures, measured = _pictures(), Measured()
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder) / "state", _REPOSITORY, "--no-ui") as stack,
    ):
        stack.wait_for_worker()
        same = Path(folder) / "pictures"
        same.mkdir()
        for number, content in enumerate(pictures):
            (same / f"{number}.jpg").write_bytes(content)
        jobs, archive = Jobs(stack), archive_of(pictures, _ITEMS)
        endless = archive_of(pictures, 10 * _ITEMS)
        _job_rates(jobs, archive)  # the first answers of a fresh stack are slow, once
        for _ in range(rounds):
            floor, direct = _floor_rate(same), _direct_rate(stack, pictures)
            job, run = _job_rates(jobs, archive)
            measured.rounds.append(Round(floor, direct, job, run))
            _beside(stack, jobs, endless, measured)
    return measured


def to_markdown(measured: Measured, load: tuple[float, float]) -> str:
    """The report as it is committed."""
    lines = [
        "# Jobs",
        "",
        f"{_ITEMS} digits; client and servers share the machine; each round takes all ways in "
        "turns. Written by `make bench-jobs`.",
        "",
        *_speed(measured),
        "",
        *_patience(measured),
        "",
        *footnotes(),
        f"- Load of the machine (`/proc/loadavg`, one minute): {load[0]:.2f} before, "
        f"{load[1]:.2f} after",
        "",
    ]
    return "\n".join(lines)


def _speed(measured: Measured) -> list[str]:
    ways = {
        "floor": "the release's own code in a loop, without a server",
        "direct": "the SDK's folder run, straight to Triton",
        "job": "a job, upload and download included",
        "run": "the same job in the worker",
    }
    to_direct = [it.job / it.direct for it in measured.rounds]
    return [
        "| way | images/s, median | each round |",
        "| --- | ---: | --- |",
        *(
            _row(title, [getattr(it, way) for it in measured.rounds], 0)
            for way, title in ways.items()
        ),
        "",
        f"Job to folder run: {_judged(to_direct, _SPEED_AIM, is_least=True)}.",
    ]


def _patience(measured: Measured) -> list[str]:
    pairs = zip(measured.idle, measured.beside, strict=True)
    waits = [beside.p99_ms / idle.p99_ms for idle, beside in pairs]
    return [
        "Somebody who waits: one request at a time, pauses of 25 ms on average:",
        "",
        "| | p50 ms | p99 ms | p99, each round |",
        "| --- | ---: | ---: | --- |",
        _waits_row("nobody else asks", measured.idle),
        _waits_row("beside a job", measured.beside),
        "",
        f"p99 beside a job to p99 alone: {_judged(waits, _WAIT_AIM, is_least=False)}. "
        f"Meanwhile the job went on at {median(measured.beside_rate):.0f} images/s.",
    ]


def _row(title: str, values: Sequence[float], digits: int) -> str:
    each = ", ".join(f"{value:.{digits}f}" for value in values)
    return f"| {title} | {median(values):.{digits}f} | {each} |"


def _waits_row(title: str, waits: Sequence[Waits]) -> str:
    p50, p99 = median(it.p50_ms for it in waits), median(it.p99_ms for it in waits)
    each = ", ".join(f"{it.p99_ms:.1f}" for it in waits)
    return f"| {title} | {p50:.1f} | {p99:.1f} | {each} |"


def _judged(ratios: Sequence[float], aim: float, *, is_least: bool) -> str:
    middle = median(ratios)
    is_reached = middle >= aim if is_least else middle <= aim
    word, reached = ("least" if is_least else "most"), ("reached" if is_reached else "**missed**")
    each = ", ".join(f"{it:.2f}" for it in ratios)
    return f"{middle:.2f} (each round: {each}; aim: at {word} {aim:g}, {reached})"


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--output", type=Path, default=_RESULT)
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    text = to_markdown(measure(asked.rounds), (before, os.getloadavg()[0]))
    asked.output.write_text(text)
    print(text)  # noqa: T201 - the answer of `make bench-jobs`


if __name__ == "__main__":
    main()
