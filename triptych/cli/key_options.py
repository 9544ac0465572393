"""The options that say what a key may do, and the body that they make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click

from triptych.cli.moments import Duration, Moment

Function = TypeVar("Function", bound=Callable[..., Any])

_AMOUNTS: Final = {
    "--requests-per-minute": "How many requests.",
    "--bytes-per-minute": "How many bytes of bodies.",
    "--max-concurrency": "How many requests at once.",
}


def term_options(function: Function) -> Function:
    """Add every option that limits a key."""
    kind = click.IntRange(1)
    for option, text in reversed(_AMOUNTS.items()):
        function = click.option(option, type=kind, help=f"{text} Default: no limit.")(function)
    for option in reversed(
        (
            click.option(
                "--allow",
                "allowed",
                multiple=True,
                help="An alias or release that it may use, no other; may be given several times.",
            ),
            click.option(
                "--priority",
                type=click.Choice(["interactive", "batch"]),
                help="The best priority that it may ask for. Default interactive.",
            ),
            click.option("--expires-in", type=Duration(), help="90s, 15m, 12h, 30d."),
            click.option("--expires-at", type=Moment(), help="2027-01-31 or 2027-01-31T12:00Z."),
        )
    ):
        function = option(function)
    return function


def terms_body(
    *, expires_in: timedelta | None, expires_at: datetime | None, **given: object
) -> dict[str, object]:
    """Make the body out of what was given; the rest is the gateway's default.

    Raises:
        click.UsageError: two ends were given.
    """
    if expires_in is not None and expires_at is not None:
        raise click.UsageError("--expires-in and --expires-at are two ways to say one thing")
    if expires_in is not None:
        expires_at = datetime.now(UTC) + expires_in
    body = {name: value for name, value in given.items() if value not in {None, ()}}
    return body if expires_at is None else {**body, "expires_at": expires_at.isoformat()}
