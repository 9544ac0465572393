"""A database that does not answer is one error, whatever its driver raises."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import DatabaseUnavailable

_TURN_ROWS: Final = 500
RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)


class _Rows(Protocol[RowT_co]):
    """SQLAlchemy's results, of whole rows and of single values."""

    def partitions(self, size: int | None = None) -> Iterator[Sequence[RowT_co]]:
        """So many at a time."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what drivers raise into our own error.

    Raises:
        DatabaseUnavailable: the database cannot be used now.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as exc:
        raise DatabaseUnavailable("the gateway's database does not answer; try again soon") from exc


async def in_turns(rows: _Rows[RowT]) -> AsyncIterator[RowT]:
    """Go through many rows, and let requests have their turn in between."""
    for some in rows.partitions(_TURN_ROWS):
        for row in some:
            yield row
        await asyncio.sleep(0)
