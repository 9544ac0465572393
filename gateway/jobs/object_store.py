"""A folder or a bucket, opened by obstore and asked by threads of its own.

obstore's asynchronous calls come back from threads of Rust, which end the process when Python is
ending meanwhile; and one that waits for a storage that hangs must keep nobody else's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import Any, Final, TypeVar

_THREADS: Final = 16
_CONNECT: Final = timedelta(seconds=5)
_CALL: Final = timedelta(seconds=20)
_RETRIES: Final = 3

AnswerT = TypeVar("AnswerT")


def open_store(url: str, *, is_made: bool = True) -> Any:  # noqa: ANN401 - obstore's stores share no class
    """Open it.

    Args:
        url: As obstore has it.
        is_made: Whether a folder is made where there is none.

    Raises:
        Exception: those of `store_troubles`, and ValueError.
    """
    # Importing obstore takes 9 MB, and whoever is sent no jobs never needs it.
    from obstore.store import from_url  # noqa: PLC0415 - the reason above

    if url.startswith("file:"):
        return from_url(url, mkdir=is_made)
    return from_url(
        url,
        client_options={"connect_timeout": _CONNECT, "timeout": _CALL},
        retry_config={"max_retries": _RETRIES, "retry_timeout": _CALL},
    )


def store_troubles() -> tuple[type[Exception], ...]:
    """What a store raises when it is away."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - see above

    return (BaseError, OSError)


def read_object(store: Any, path: str) -> bytes:  # noqa: ANN401 - as above
    """All of it.

    Raises:
        FileNotFoundError: it is not there.
        Exception: those of `store_troubles`.
    """
    return bytes(store.get(path).bytes())


async def in_its_thread(work: Callable[[], AnswerT]) -> AnswerT:
    """Do something that waits for a storage."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), work)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, "storage")
