"""The one border where a framework's error becomes a sentence of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from triptych.errors import SourceUnfit, TriptychError, first_line


@contextmanager
def refusing(sentence: str) -> Iterator[None]:
    """Refuse the source with `sentence` and the reason, whatever goes wrong inside.

    Raises:
        SourceUnfit: something did; what is a sentence of ours already goes through as it is.
    """
    try:
        yield
    except TriptychError:
        raise
    except Exception as exc:  # frameworks, and code of the user's own, raise anything
        raise SourceUnfit(f"{sentence}: {first_line(exc)}") from exc
