"""From what the gateway says of jobs to typed answers; and answers that come in several goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from python_backends.shared.contract import Task
from triptych.client.errors import ServerFailed
from triptych.client.jobs import Job, JobPrediction, JobRefusal, JobResult, JobSource, JobState


def read_job(body: Mapping[str, Any]) -> Job:
    """Read JobDescription of docs and OpenAPI.

    Raises:
        ServerFailed: it cannot be read.
    """
    try:
        return _job(body)
    except (KeyError, ValueError, TypeError) as exc:
        raise _unreadable(exc) from exc


def read_jobs(body: Mapping[str, Any]) -> list[Job]:
    """Read JobList of docs and OpenAPI.

    Raises:
        ServerFailed: it cannot be read.
    """
    try:
        return [_job(job) for job in body["jobs"]]
    except (KeyError, ValueError, TypeError) as exc:
        raise _unreadable(exc) from exc


def read_result(line: bytes) -> JobResult:
    """Read one line of a job's results.

    Raises:
        ServerFailed: it cannot be read.
    """
    try:
        return _result(json.loads(line))
    except (KeyError, ValueError, TypeError) as exc:
        raise _unreadable(exc) from exc


def _unreadable(exc: Exception) -> ServerFailed:
    return ServerFailed(f"the gateway's answer about a job cannot be read: {exc!r}")


def _job(body: Mapping[str, Any]) -> Job:
    source = body["source"]
    return Job(
        id=str(body["id"]),
        alias=str(body["alias"]),
        task=Task(body["task"]),
        state=JobState(body["state"]),
        sentence=str(body["sentence"]),
        items=int(body["items"]),
        is_whole=body["is_whole"] is True,
        done=int(body["done"]),
        refused=int(body["refused"]),
        per_second=body["per_second"],
        seconds_left=body["seconds_left"],
        created_at=datetime.fromisoformat(body["created_at"]),
        started_at=_moment(body["started_at"]),
        ended_at=_moment(body["ended_at"]),
        top_k=body["top_k"],
        source=JobSource(str(source["source"]), str(source["prefix"])) if source else None,
        webhook=body["webhook"],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _result(told: Mapping[str, Any]) -> JobResult:
    shared: dict[str, Any] = {
        "index": int(told["index"]),
        "name": str(told.get("name") or ""),
        "release": str(told.get("release") or ""),
    }
    error = told.get("error")
    if error:
        return JobRefusal(**shared, code=str(error["code"]), message=str(error["message"]))
    classes = told["predictions"]
    return JobPrediction(
        **shared,
        labels=tuple(str(it["label"]) for it in classes),
        scores=tuple(float(it["score"]) for it in classes),
        is_truncated=told.get("truncated") is True,
    )


class ResultLines:
    """Results out of the pieces of one answer after another; each index comes out once.

    The gateway begins each answer anew: what a broken connection brought comes again.
    """

    def __init__(self) -> None:
        self._all_below = 0
        self._beyond: set[int] = set()
        self._rest = b""

    @property
    def count(self) -> int:
        """How many have come out."""
        return self._all_below + len(self._beyond)

    def begin(self) -> None:
        """Forget half a line: another answer begins."""
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[JobResult]:
        """Give out what is new in a piece, line by line.

        Raises:
            ServerFailed: a line makes no sense.
        """
        # Not str.splitlines(): names may hold what it takes for the end of a line.
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if not line.strip():
                continue
            result = read_result(line)
            if self._is_new(result.index):
                yield result

    def _is_new(self, index: int) -> bool:
        if index < self._all_below or index in self._beyond:
            return False
        self._beyond.add(index)
        while self._all_below in self._beyond:
            self._beyond.remove(self._all_below)
            self._all_below += 1
        return True
