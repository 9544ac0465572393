"""What does not start says why in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from gateway.errors import StartRefused
from gateway.settings import SecretUnreadable


@contextmanager
def told_in_one_sentence() -> Iterator[None]:
    """End the process with a sentence on standard error where a start is refused."""
    try:
        yield
    except StartRefused as exc:
        sys.exit(f"gateway: {exc}")
    except ValidationError as exc:
        sys.exit(f"gateway: {_sentence(exc)}")
    except SecretUnreadable as exc:
        sys.exit(f"gateway: {exc}: {type(exc.__cause__).__name__}")


def _sentence(exc: ValidationError) -> str:
    """Name each variable that makes no sense, without its value: it may be a secret."""
    faults = ((".".join(map(str, it["loc"])), it["msg"]) for it in exc.errors())
    return "; ".join(f"GATEWAY_{name.upper()}: {message}" for name, message in faults)
