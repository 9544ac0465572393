"""The options that say what a key may do, and the body that they make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypedDict, TypeVar, Unpack

import click

from triptych.cli.moments import Duration, Moment

Function = TypeVar("Function", bound=Callable[..., Any])

_AMOUNTS: Final = {
    "--requests-per-minute": "How many requests.",
    "--bytes-per-minute": "How many bytes of bodies.",
    "--max-concurrency": "How many requests at once.",
}


_ENDS: Final = frozenset({"expires_in", "expires_at"})
_UNCHANGED: Final = "Unchanged where not named."


def _options(priority: str, amount: str) -> tuple[Callable[[Function], Function], ...]:
    """Make the options; the arguments say what holds where one is not given."""
    return (
        click.option(
            "--allow",
            "allowed",
            multiple=True,
            help="An alias or release that it may use, no other; may be given several times.",
        ),
        click.option(
            "--priority",
            type=click.Choice(["interactive", "batch"]),
            help=f"The best priority that it may ask for. {priority}",
        ),
        click.option("--expires-in", type=Duration(), help="90s, 15m, 12h, 30d."),
        click.option("--expires-at", type=Moment(), help="2027-01-31 or 2027-01-31T12:00Z."),
        *(
            click.option(option, type=click.IntRange(1), help=f"{text} {amount}")
            for option, text in _AMOUNTS.items()
        ),
    )


class Terms(TypedDict):
    """What those options give; None and () were not given."""

    allowed: tuple[str, ...]
    priority: str | None
    expires_in: timedelta | None
    expires_at: datetime | None
    requests_per_minute: int | None
    bytes_per_minute: int | None
    max_concurrency: int | None


def term_options(function: Function) -> Function:
    """Add every option that limits a new key."""
    return _with(function, "Default: interactive.", "Default: no limit.")


def changed_term_options(function: Function) -> Function:
    """Add every option that limits a key that there is."""
    return _with(function, _UNCHANGED, _UNCHANGED)


def _with(function: Function, priority: str, amount: str) -> Function:
    for option in reversed(_options(priority, amount)):
        function = option(function)
    return function


def terms_body(**given: Unpack[Terms]) -> dict[str, object]:
    """Make the body out of what was given; the rest is the gateway's default.

    Raises:
        click.UsageError: two ends were given.
    """
    ends = given["expires_at"], given["expires_in"]
    body = {name: it for name, it in given.items() if it not in {None, ()} and name not in _ENDS}
    match ends:
        case None, None:
            return body
        case datetime() as end, None:
            return {**body, "expires_at": end.isoformat()}
        case None, timedelta() as duration:
            return {**body, "expires_at": (datetime.now(UTC) + duration).isoformat()}
        case _:
            raise click.UsageError("--expires-in and --expires-at are two ways to say one thing")
