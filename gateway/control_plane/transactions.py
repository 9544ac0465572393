"""A database that does not answer is one error, whatever its driver raises."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import DatabaseUnavailable


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
