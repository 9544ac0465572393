"""Times as people type them: 30d, 12h, 2027-01-31."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "": "seconds"}
_DURATION: Final = re.compile(r"(?P<number>[1-9][0-9]{0,8})(?P<unit>[smhd]?)")


class Duration(click.ParamType[timedelta]):
    """A number of seconds, or with a unit: 90, 90s, 15m, 12h, 30d."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read it."""
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no duration; write 90s, 15m, 12h or 30d", param, ctx)
        return timedelta(**{_UNITS[match["unit"]]: int(match["number"])})


class Moment(click.ParamType[datetime]):
    """A date or a date and time as ISO 8601 has it, in UTC where no zone is named."""

    name = "moment"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no moment; write 2027-01-31 or 2027-01-31T12:00Z", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment <= datetime.now(UTC):
            self.fail(f"{value!r} is over", param, ctx)
        return moment
