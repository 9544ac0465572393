"""What the stub and a decoder say to each other: shared memory for bytes, a socket for turns.

The memory is a memfd that only these two have, so nothing of it has a name in /dev/shm. One
picture at a time lies in it: a flag, the pixels that come out, the encoded bytes that go in.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

REQUEST: Final = struct.Struct("<Q")  # stub to decoder: how many encoded bytes there are
HELLO: Final = struct.Struct("<I")  # decoder to stub, once: its process id
ANSWER_BYTES: Final = 4096  # decoder to stub: one byte of Status, and a complaint of ours if any
_FLAG_BYTES: Final = 64  # a cache line, of which the first byte is used
_SMALLEST_INPUT_BYTES: Final = 256 * 1024
_GROWTH_BYTES: Final = 1024 * 1024
_KEPT_BYTES: Final = 8 * 1024 * 1024  # what a picture beyond this needed is given back


@dataclass
class PictureMemory:
    """The memory of one decoder, as one of the two sides has mapped it.

    Args:
        fd: The memfd; this object closes it.
        shape: Of the pixels that come out, [H, W, 3], uint8.
    """

    fd: int
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        self._pixel_count = int(np.prod(self.shape))
        self._input_at = _FLAG_BYTES + self._pixel_count
        self._map = mmap.mmap(self.fd, os.fstat(self.fd).st_size)

    @classmethod
    def create(cls, shape: tuple[int, ...]) -> PictureMemory:
        """Make a new one; sealed against shrinking, which could end the other side with SIGBUS."""
        fd = os.memfd_create("triptych-picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, _FLAG_BYTES + int(np.prod(shape)) + _SMALLEST_INPUT_BYTES)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        return cls(fd, shape)

    @property
    def is_begun(self) -> bool:
        """Whether the decoder has looked at the picture: before that the picture has no fault."""
        return self._map[0] == 1

    def mark_begun(self) -> None:
        """Say so."""
        self._map[0] = 1

    def write_input(self, encoded: bytes) -> None:
        """Lay one encoded picture down."""
        end = self._input_at + len(encoded)
        if end > len(self._map):
            self._map.resize(-(-end // _GROWTH_BYTES) * _GROWTH_BYTES)
        self._map[0] = 0
        self._map[self._input_at : end] = encoded

    def read_input(self, length_bytes: int) -> bytes:
        """The encoded picture.

        Raises:
            MemoryError: it does not fit into this process's address space.
        """
        end = self._input_at + length_bytes
        if end > len(self._map):  # the other side has made it longer
            try:
                longer = mmap.mmap(self.fd, os.fstat(self.fd).st_size)
            except OSError as exc:
                raise MemoryError(f"a picture of {length_bytes} bytes does not fit") from exc
            self._map.close()
            self._map = longer
        return self._map[self._input_at : end]

    def write_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """Lay the result down.

        Raises:
            ValueError: it has another shape or dtype than was agreed.
        """
        if pixels.shape != self.shape or pixels.dtype != np.uint8:
            raise ValueError(f"the decoder made {pixels.dtype} {pixels.shape}, not {self.shape}")
        place = np.frombuffer(self._map, np.uint8, self._pixel_count, _FLAG_BYTES)
        place.reshape(self.shape)[:] = pixels

    def read_pixels(self, target: NDArray[np.uint8]) -> None:
        """Copy the result to where it is wanted, [H, W, 3], uint8."""
        found = np.frombuffer(self._map, np.uint8, self._pixel_count, _FLAG_BYTES)
        target[:] = found.reshape(self.shape)

    def forget_large_input(self) -> None:
        """Give back the pages that only an uncommonly large picture needed."""
        if len(self._map) > _KEPT_BYTES:
            self._map.madvise(mmap.MADV_REMOVE, _KEPT_BYTES, len(self._map) - _KEPT_BYTES)

    def close(self) -> None:
        """Unmap it; without the other side's mapping it is gone."""
        self._map.close()
        os.close(self.fd)
