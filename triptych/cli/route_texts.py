"""Routes and rollouts as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """One line per row, the headline first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def routes(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What each alias means."""
    header = ("ALIAS", "REVISION", "ARMS", "SHADOW", "STICKY")
    yield from table([header, *((it["alias"], *_state(it)) for it in found)])


def history(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What one alias has meant."""
    header = ("WHEN", "BY", "ACTION", "REVISION", "ARMS", "SHADOW", "STICKY", "REASON")
    rows = [(moment(it["at"]), it["by"], it["action"], *_state(it), it["reason"]) for it in changes]
    yield from table([header, *rows])


def _state(route: Mapping[str, Any]) -> tuple[str, ...]:
    shadow = route["shadow"]
    return (
        str(route["revision"]),
        " ".join(map(_arm, route["arms"])),
        f"{shadow['release']}={shadow['percent']:g}" if shadow else "-",
        route["sticky"],
    )


def _arm(arm: Mapping[str, Any]) -> str:
    name = f" ({arm['name']})" if arm.get("name") else ""
    return f"{arm['release']}={arm['weight']}{name}"


def rollouts(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each rollout."""
    header = ("ROLLOUT", "ALIAS", "FROM", "TO", "STATE", "PERCENT", "SINCE", "WHY")
    rows = [
        (
            it["id"],
            it["alias"],
            it["stable"],
            it["candidate"],
            it["state"],
            str(it["percent"]),
            moment(it["created_at"]),
            it["sentence"],
        )
        for it in found
    ]
    yield from table([header, *rows])


def rollout(details: Mapping[str, Any]) -> Iterator[str]:
    """Everything about one."""
    yield heading(details)
    yield f"{details['state']}: {details['sentence']}"
    why = f": {details['reason']}" if details["reason"] else ""
    yield f"begun {moment(details['created_at'])} by {details['by']}{why}"
    header = ("STEP", "REVISION", "REQUESTS", "FAILURES", "P95 MS", "AGREEMENT")
    steps = [(f"{it['percent']} %", str(it["revision"]), *_figures(it)) for it in details["steps"]]
    yield from table([header, *steps])
    for decision in reversed(details["decisions"]):
        yield f"{moment(decision['at'])}  {decision['action']:<9}  {decision['sentence']}"


def heading(details: Mapping[str, Any]) -> str:
    """Which rollout it is, and whose figures stand before and behind the stroke."""
    stable, candidate = details["stable"], details["candidate"]
    told = f"{details['id']}: {details['alias']} from {stable} to {candidate}"
    return f"{told}; figures are {candidate}/{stable}"


def progress(details: Mapping[str, Any]) -> str:
    """One line of `watch`: candidate's numbers first, stable's behind the stroke."""
    told = [moment(details["changed_at"]), details["state"], f"{details['percent']} %"]
    if details["steps"]:
        requests, failures, p95, agreement = _figures(details["steps"][-1])
        told += [f"requests {requests}", f"failures {failures}", f"p95 {p95} ms"]
        told.append(f"agreement {agreement}")
    return "  ".join([*told, details["sentence"]])


def _figures(step: Mapping[str, Any]) -> tuple[str, str, str, str]:
    candidate, stable, pairs = step["candidate"], step["stable"], step["pairs"]
    agreed = f"{pairs['top1_agreed']} of {pairs['pairs']}" if pairs["pairs"] else "-"
    return (
        f"{candidate['requests']}/{stable['requests']}",
        f"{candidate['failures']}/{stable['failures']}",
        f"{_ms(candidate['p95_ms'])}/{_ms(stable['p95_ms'])}",
        agreed,
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def moment(at: str) -> str:
    """A time of the gateway's, to the second."""
    return at[:19].replace("T", " ")
