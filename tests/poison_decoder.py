"""A decoder that some pictures kill: no real picture is known that does, so a comment in it asks.

The real decoder runs for every other picture. Production cannot reach this: see poison_backend.py.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from python_backends.shared import image_batch
from tests.pictures import encoded, seven

_MARK = b"triptych-test-poison:"
CRASHES = ("segfault", "abort", "exit", "killed")
HANGS = ("sleep", "loop")


def poisoned_jpeg(kind: str) -> bytes:
    """A picture of a seven that this decoder stumbles over and every other one reads."""
    return encoded(seven(), quality=90, comment=_MARK + kind.encode() + b".")


def preprocess_image(image: bytes, **options: Any) -> NDArray[np.uint8]:
    """Take the place of image_batch.preprocess_image."""
    before, _, after = image.partition(_MARK)
    if before != image:
        _STUMBLES[after.partition(b".")[0].decode()]()
    return image_batch.preprocess_image(image, **options)


def _loop() -> None:
    while True:
        pass


def _bug() -> None:
    raise RuntimeError("something nobody thought of")


_STUMBLES: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit": lambda: os._exit(0),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sleep": lambda: time.sleep(3600),
    "loop": _loop,
    "memory": lambda: bytearray(1 << 40),
    "bug": _bug,
}
