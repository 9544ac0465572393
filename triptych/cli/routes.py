"""triptych routes show, set, promote, rollback, history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from triptych.cli import route_texts
from triptych.cli.connections import open_gateway
from triptych.cli.options import state_dir_option

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
reason_option = click.option("--reason", default="", help="For the audit trail.")


def tell(found: Any, lines: Iterable[str], *, as_json: bool) -> None:  # noqa: ANN401 - any JSON
    """Print for programs or for people."""
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


@click.group()
def routes() -> None:
    """Say, and see, which releases an alias means."""


@routes.command()
@click.argument("alias", required=False)
@state_dir_option
@as_json_option
def show(alias: str | None, state_dir: Path | None, as_json: bool) -> None:
    """Show what every alias means, or one."""
    with open_gateway(state_dir) as gateway:
        found = [gateway.route(alias)] if alias else gateway.routes()
    tell(found[0] if alias else found, route_texts.routes(found), as_json=as_json)


@routes.command("set", short_help="Set arms, shadow and stickiness.")
@click.argument("alias")
@click.argument("arms", metavar="RELEASE=WEIGHT...", nargs=-1, required=True)
@click.option("--shadow", metavar="RELEASE=PERCENT", help="Who gets copies of requests.")
@click.option(
    "--sticky",
    type=click.Choice(["header", "api_key", "none"]),
    help="Who always meets the same arm. Default: as it was.",
)
@reason_option
@state_dir_option
@as_json_option
def set_route(
    *,
    alias: str,
    arms: tuple[str, ...],
    shadow: str | None,
    sticky: str | None,
    reason: str,
    state_dir: Path | None,
    as_json: bool,
) -> None:
    """Let an alias mean these arms from now on; without --shadow nobody gets copies."""
    body: dict[str, Any] = {"reason": reason, "arms": [_arm(text) for text in arms]}
    if shadow:
        release, percent = _pair(shadow, "--shadow")
        body["shadow"] = {"release": release, "percent": percent}
    with open_gateway(state_dir) as gateway:
        before = gateway.find_route(alias)
        kept = before["sticky"] if before else "header"
        found = gateway.set_route(alias, {**body, "sticky": sticky or kept})
    tell(found, route_texts.routes([found]), as_json=as_json)


def _arm(text: str) -> dict[str, object]:
    release, weight = _pair(text, "RELEASE=WEIGHT")
    if weight != int(weight):
        raise click.BadParameter(f"{text!r}: a weight is a whole number")
    return {"release": release, "weight": int(weight)}


def _pair(text: str, what: str) -> tuple[str, float]:
    release, _, number = text.partition("=")
    try:
        return release, float(number)
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is not of the form {what}, digits_r2=10") from exc


@routes.command()
@click.argument("alias")
@click.argument("release", required=False)
@reason_option
@state_dir_option
@as_json_option
def promote(
    alias: str, release: str | None, reason: str, state_dir: Path | None, as_json: bool
) -> None:
    """Give all traffic to one release; which one, where the route leaves a choice."""
    with open_gateway(state_dir) as gateway:
        found = gateway.promote(alias, release, reason)
    tell(found, route_texts.routes([found]), as_json=as_json)


@routes.command()
@click.argument("alias")
@reason_option
@state_dir_option
@as_json_option
def rollback(alias: str, reason: str, state_dir: Path | None, as_json: bool) -> None:
    """Bring back what an alias meant before; of a rollout, before all its steps."""
    with open_gateway(state_dir) as gateway:
        found = gateway.roll_back(alias, reason)
    tell(found, route_texts.routes([found]), as_json=as_json)


@routes.command()
@click.argument("alias")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@state_dir_option
@as_json_option
def history(alias: str, limit: int, state_dir: Path | None, as_json: bool) -> None:
    """Show what an alias has meant, newest first, and who said so."""
    with open_gateway(state_dir) as gateway:
        found = gateway.history(alias, limit)
    tell(found, route_texts.history(found), as_json=as_json)
