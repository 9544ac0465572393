"""Ways to have an image decoded by another process, made as small as they can be, to be measured.

One child each, forked from this process. What is served goes through DecodePool; these have no
deadline, no respawn and no limit, so what they take is the least that their way can take.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Decode = Callable[[bytes], NDArray[np.uint8]]
Action = Callable[[], object]
Side = tuple[Action, Action]  # how to wake the other one, how to wait for it
_LENGTH: Final = struct.Struct("<I")
_MOST_IMAGES: Final = 8
_PLACE_BYTES: Final = 1024 * 1024  # room for one encoded image


class Way(Protocol):
    """One way to have a batch decoded."""

    def decode(self, images: Sequence[bytes]) -> NDArray[np.uint8]:
        """Decode to [N, H, W, 3], new for each batch as a stub needs it."""

    def close(self) -> None:
        """End the child."""


class InProcess:
    """No other process at all."""

    def __init__(self, decode: Decode, shape: tuple[int, ...]) -> None:
        self._decode = decode
        self._shape = shape

    def decode(self, images: Sequence[bytes]) -> NDArray[np.uint8]:
        """One after another."""
        target = np.zeros((len(images), *self._shape), np.uint8)
        for item, image in enumerate(images):
            target[item] = self._decode(image)
        return target

    def close(self) -> None:
        """Nothing to end."""


class _Forked:
    """A child of this process that runs one function and ends."""

    def __init__(self, run: Callable[[], None]) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            try:
                run()
            finally:
                os._exit(0)

    def join(self) -> None:
        os.waitpid(self._pid, 0)


class ThroughSocket:
    """Bytes both ways through a stream socket: what a pipe does, with larger buffers."""

    def __init__(self, decode: Decode, shape: tuple[int, ...]) -> None:
        self._decode = decode
        self._shape = shape
        self._mine, self._theirs = socket.socketpair()
        self._child = _Forked(self._serve)
        self._theirs.close()

    def decode(self, images: Sequence[bytes]) -> NDArray[np.uint8]:
        """Send one, take one."""
        target = np.zeros((len(images), *self._shape), np.uint8)
        for item, image in enumerate(images):
            self._mine.sendall(_LENGTH.pack(len(image)) + image)
            _receive(self._mine, memoryview(target[item]).cast("B"))
        return target

    def _serve(self) -> None:
        self._mine.close()
        head = bytearray(_LENGTH.size)
        while _receive(self._theirs, memoryview(head)):
            image = bytearray(_LENGTH.unpack(head)[0])
            _receive(self._theirs, memoryview(image))
            self._theirs.sendall(self._decode(bytes(image)).tobytes())

    def close(self) -> None:
        """Hang up."""
        self._mine.close()
        self._child.join()


def _receive(link: socket.socket, target: memoryview) -> bool:
    while target:
        count = link.recv_into(target)
        if not count:
            return False
        target = target[count:]
    return True


class ThroughMemory:
    """Bytes in shared memory, turns by a socket or by two eventfds; several images per turn.

    Args:
        decode: What to do with an image.
        shape: Of the result.
        images_per_turn: How many go into one message.
        with_eventfd: Otherwise with a packet socket, which also tells of the child's death.
    """

    def __init__(
        self, decode: Decode, shape: tuple[int, ...], images_per_turn: int, *, with_eventfd: bool
    ) -> None:
        self._decode = decode
        self._shape = shape
        self._per_turn = images_per_turn
        self._map = mmap.mmap(-1, _MOST_IMAGES * (_PLACE_BYTES + int(np.prod(shape))))
        self._results: NDArray[np.uint8] = np.frombuffer(
            self._map, np.uint8, _MOST_IMAGES * int(np.prod(shape)), _MOST_IMAGES * _PLACE_BYTES
        ).reshape(_MOST_IMAGES, *shape)
        mine, theirs = _eventfd_turns() if with_eventfd else _socket_turns()
        self._call, self._wait = mine
        self._child = _Forked(partial(self._serve, *theirs))

    def decode(self, images: Sequence[bytes]) -> NDArray[np.uint8]:
        """Lay some down, call, wait, pick the results up."""
        target = np.zeros((len(images), *self._shape), np.uint8)
        for start in range(0, len(images), self._per_turn):
            turn = images[start : start + self._per_turn]
            for place, image in enumerate(turn):
                self._write(place, image)
            self._write(len(turn), b"")
            self._call()
            self._wait()
            target[start : start + len(turn)] = self._results[: len(turn)]
        return target

    def _write(self, place: int, image: bytes) -> None:
        if place < _MOST_IMAGES:  # an empty one ends a turn; a full turn needs no end
            at = place * _PLACE_BYTES
            self._map[at : at + _LENGTH.size] = _LENGTH.pack(len(image))
            self._map[at + _LENGTH.size : at + _LENGTH.size + len(image)] = image

    def _read(self, place: int) -> bytes:
        at = place * _PLACE_BYTES + _LENGTH.size
        return self._map[at : at + _LENGTH.unpack_from(self._map, at - _LENGTH.size)[0]]

    def _serve(self, call: Action, wait: Action) -> None:
        while True:
            wait()
            if not self._read(0):
                return
            for place in range(_MOST_IMAGES):
                if not (image := self._read(place)):
                    break
                self._results[place] = self._decode(image)
            call()

    def close(self) -> None:
        """An empty turn ends the child."""
        self._write(0, b"")
        self._call()
        self._child.join()


def _eventfd_turns() -> tuple[Side, Side]:
    asked, answered = os.eventfd(0), os.eventfd(0)
    wake, wait = os.eventfd_write, os.eventfd_read
    return (
        (partial(wake, asked, 1), partial(wait, answered)),
        (partial(wake, answered, 1), partial(wait, asked)),
    )


def _socket_turns() -> tuple[Side, Side]:
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return (
        (partial(mine.send, b"1"), partial(mine.recv, 1)),
        (partial(theirs.send, b"1"), partial(theirs.recv, 1)),
    )
