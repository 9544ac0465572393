"""Jobs as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triptych.cli.route_texts import moment, table


def jobs(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each job."""
    header = ("JOB", "ALIAS", "STATE", "DONE", "REFUSED", "PER-SECOND", "LEFT", "CREATED", "WHY")
    rows = [
        (
            it["id"],
            it["alias"],
            it["state"],
            _done(it),
            str(it["refused"]),
            _number(it["per_second"]),
            _seconds(it["seconds_left"]),
            moment(it["created_at"]),
            it["sentence"],
        )
        for it in found
    ]
    yield from table([header, *rows])


def job(found: Mapping[str, Any]) -> Iterator[str]:
    """One job, a line for each thing that it says."""
    source, left = found["source"], _seconds(found["seconds_left"])
    told = {
        "job": found["id"],
        "alias": found["alias"],
        "task": found["task"],
        "state": f"{found['state']}{': ' if found['sentence'] else ''}{found['sentence']}",
        "done": f"{_done(found)}, {found['refused']} refused",
        "pace": f"{_number(found['per_second'])} per second, {left} left",
        "created": moment(found["created_at"]),
        "ended": moment(found["ended_at"]) if found["ended_at"] else "-",
        "source": f"{source['source']}:{source['prefix']}" if source else "-",
        "webhook": found["webhook"] or "-",
    }
    yield from table([(name, str(value)) for name, value in told.items()])


def _done(found: Mapping[str, Any]) -> str:
    # While items come in nobody knows how many there will be.
    return f"{found['done']}/{found['items']}{'' if found['is_whole'] else '+'}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}s"
