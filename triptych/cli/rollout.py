"""triptych rollout start, show, watch, pause, resume, abort."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from triptych.cli import route_texts
from triptych.cli.connections import open_gateway
from triptych.cli.options import Function, state_dir_option
from triptych.cli.routes import as_json_option, reason_option, tell
from triptych.client.control import ControlConnection
from triptych.client.errors import TimedOut, Unavailable
from triptych.errors import CallFailed

_LOOK_SECONDS: Final = 0.5
_PATIENT_LOOKS: Final = 60  # a gateway that is restarted is no reason to stop watching
_LIVE: Final = frozenset({"loading", "running", "paused"})
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")

# Option -> help; each becomes the field of that name, and its default is the gateway's.
_SECONDS_AND_SHARES: Final = {
    "--step-seconds": "How long a step lasts at least.",
    "--mirror-percent": "Percent of requests that the candidate gets copies of.",
    "--alpha": "Highest chance to roll back a candidate that is no worse.",
    "--error-margin": "How far its share of failures may exceed stable's, 0 to 1.",
    "--latency-margin": "How much longer its answers may take, 0.1 is a tenth.",
    "--disagreement-limit": "Share of mirrored items that may get another label, 0 to 1.",
    "--hard-failure-share": "A greater share of failures in one step rolls back.",
    "--hard-p95-ratio": "A p95 of more than so many times stable's rolls back.",
}
_COUNTS: Final = {
    "--min-requests": "How many each arm has to answer in a step.",
    "--min-pairs": "How many mirrored pairs each step needs.",
    "--hard-failure-requests": "From how many requests on that limit counts.",
    "--hard-p95-requests": "From how many answers on that limit counts.",
}


def _term_options(function: Function) -> Function:
    for options, kind in ((_COUNTS, int), (_SECONDS_AND_SHARES, float)):
        for option, text in reversed(options.items()):
            function = click.option(option, type=kind, help=text)(function)
    return function


@click.group()
def rollout() -> None:
    """Raise a release's share step by step, and roll it back where it is worse."""


@rollout.command(short_help="Begin a rollout.")
@click.argument("alias")
@click.option("--to", required=True, metavar="RELEASE", help="Who is to get everything.")
@click.option("--steps", metavar="PERCENT,...", help="Rising, 100 at last. Default 1,5,25,50,100.")
@_term_options
@click.option("--watch", "is_watched", is_flag=True, help="Follow it; see `watch`.")
@reason_option
@state_dir_option
@as_json_option
def start(
    *,
    alias: str,
    to: str,
    steps: str | None,
    is_watched: bool,
    reason: str,
    state_dir: Path | None,
    as_json: bool,
    **terms: float | None,
) -> None:
    """Begin a rollout of ALIAS; the worker that `up` started drives it."""
    given: dict[str, object] = {name: it for name, it in terms.items() if it is not None}
    if steps:
        given["steps"] = _percents(steps)
    with open_gateway(state_dir) as gateway:
        found = gateway.start_rollout({"alias": alias, "to": to, "reason": reason, **given})
        if not is_watched:
            tell(found, route_texts.rollouts([found]), as_json=as_json)
            return
        sys.exit(_follow(gateway, found["id"], as_json=as_json))


def _percents(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is not of the form 1,5,25,50,100") from exc


@rollout.command(short_help="Show all rollouts, or one with its steps and decisions.")
@click.argument("which", metavar="[ALIAS|ID]", required=False)
@state_dir_option
@as_json_option
def show(which: str | None, state_dir: Path | None, as_json: bool) -> None:
    """Show all rollouts, or one with steps and decisions: the last of an alias, or by its id."""
    with open_gateway(state_dir) as gateway:
        if which is None:
            found = gateway.rollouts()
            tell(found, route_texts.rollouts(found), as_json=as_json)
            return
        details = gateway.rollout(_id_of(gateway, which))
    tell(details, route_texts.rollout(details), as_json=as_json)


def _id_of(gateway: ControlConnection, which: str) -> str:
    """The newest rollout of an alias, or an id as it is."""
    found = gateway.rollouts(which, limit=1)
    return str(found[0]["id"]) if found else which


@rollout.command(short_help="Follow a rollout to its end.")
@click.argument("which", metavar="ALIAS|ID")
@state_dir_option
@as_json_option
def watch(which: str, state_dir: Path | None, as_json: bool) -> None:
    """Print a line whenever something changes; exit code 0 when promoted, 1 at any other end."""
    with open_gateway(state_dir) as gateway:
        sys.exit(_follow(gateway, _id_of(gateway, which), as_json=as_json))


def _follow(gateway: ControlConnection, rollout_id: str, *, as_json: bool) -> int:
    told, failed = None, 0
    while True:
        try:
            details, failed = gateway.rollout(rollout_id), 0
        except (Unavailable, TimedOut):
            failed += 1
            if failed > _PATIENT_LOOKS:
                raise
            time.sleep(_LOOK_SECONDS)
            continue
        what = (details["state"], details["step"], _NUMBER.sub("", details["sentence"]))
        if told is None and not as_json:
            click.echo(route_texts.heading(details))
        if what != told:
            told = what
            click.echo(_line(details, as_json=as_json))
        if details["state"] not in _LIVE:
            return 0 if details["state"] == "promoted" else 1
        time.sleep(_LOOK_SECONDS)


def _line(details: dict[str, Any], *, as_json: bool) -> str:
    return json.dumps(details, ensure_ascii=False) if as_json else route_texts.progress(details)


def _change(which: str, what: str, reason: str, state_dir: Path | None, *, as_json: bool) -> None:
    with open_gateway(state_dir) as gateway:
        found = gateway.change_rollout(_id_of(gateway, which), what, reason)
    tell(found, route_texts.rollouts([found]), as_json=as_json)
    if what == "abort" and found["state"] != "aborted":
        raise CallFailed(found["sentence"])


@rollout.command()
@click.argument("which", metavar="ALIAS|ID")
@reason_option
@state_dir_option
@as_json_option
def pause(which: str, reason: str, state_dir: Path | None, as_json: bool) -> None:
    """Let weights and time stand still; what is bad enough still rolls back."""
    _change(which, "pause", reason, state_dir, as_json=as_json)


@rollout.command()
@click.argument("which", metavar="ALIAS|ID")
@reason_option
@state_dir_option
@as_json_option
def resume(which: str, reason: str, state_dir: Path | None, as_json: bool) -> None:
    """Go on with a paused rollout."""
    _change(which, "resume", reason, state_dir, as_json=as_json)


@rollout.command()
@click.argument("which", metavar="ALIAS|ID")
@reason_option
@state_dir_option
@as_json_option
def abort(which: str, reason: str, state_dir: Path | None, as_json: bool) -> None:
    """Bring back the route as it was before, at once."""
    _change(which, "abort", reason, state_dir, as_json=as_json)
