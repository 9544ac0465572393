"""The machine itself: no shared memory left, a clock that jumps."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from tests.faults.fault import Fault, Rig
from tests.faults.jumping_clock import JumpingClock
from triptych.release import Release, find_releases, read_release

# The stack sees a /dev/shm of this size and no other process does: a mount of its own.
SHARED_MEMORY_MIB: Final = 48
PRIVATE_SHARED_MEMORY: Final = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    f'mount -t tmpfs -o size={SHARED_MEMORY_MIB}m tmpfs /dev/shm && exec "$@"',
    "sh",
)
_FULL_SECONDS: Final = 2.0
_JUMPED_SECONDS: Final = 2.5
_PADDING: Final = bytes(600_000)
_MOST_ITEMS: Final = 32


@contextmanager
def _full_shared_memory(rig: Rig) -> Iterator[Callable[[], bool]]:
    """Fill it to the last page; small requests go on, large batches may be refused cleanly."""
    before = {process.pid for process in rig.stack.all("stub")}
    filler = rig.stack.shared_memory / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(4096))
        assert _has_no_room(filler), "it could not be filled"
        until = time.monotonic() + _FULL_SECONDS
        while time.monotonic() < until:
            rig.load.wait_for_answers(10)
        # A large batch may be refused, cleanly, and with it whatever wanted room at that moment.
        for _ in range(2):
            status, body = _ask_for_a_large_batch(rig)
            assert status in {200, 502, 503, 507}, f"{status} {body}"
            rig.load.wait_for_answers(10)
    finally:
        filler.unlink(missing_ok=True)

    def is_over() -> bool:
        return _ask_for_a_large_batch(rig)[0] == 200

    yield is_over
    after = {process.pid for process in rig.stack.all("stub")}
    assert before == after, f"stubs were replaced although none was ill: {before} {after}"


def _has_no_room(filler: Path) -> bool:
    try:
        with filler.with_name("one-more").open("wb", buffering=0) as stream:
            stream.write(bytes(4096))
    except OSError as exc:
        return exc.errno == errno.ENOSPC
    finally:
        filler.with_name("one-more").unlink(missing_ok=True)
    return False


def _ask_for_a_large_batch(rig: Rig) -> tuple[int, str]:
    """A form of 32 images with padding that no decoder minds: 20 MB."""
    release = _digits(rig)
    content = next(it.file for it in release.golden if it.file.suffix == ".jpg").read_bytes()
    files = [("files", (f"{i}.jpg", content + _PADDING, "image/jpeg")) for i in range(_MOST_ITEMS)]
    url = f"{rig.stack.gateway_url}/v1/predict/digits"
    headers = {"X-API-Key": rig.stack.key}
    answer = httpx.post(url, files=files, headers=headers, timeout=60, trust_env=False)
    return answer.status_code, answer.text[:300]


def _digits(rig: Rig) -> Release:
    repository = rig.stack.repository
    name = next(name for name in find_releases(repository) if name.alias == "digits")
    return read_release(repository, name)


@contextmanager
def _jump(rig: Rig, *, by: int) -> Iterator[Callable[[], bool]]:
    """Move the stack's wall clock, go on under load, and move it back."""
    clock: JumpingClock = rig.extras["clock"]
    clock.shift(by)
    try:
        until = time.monotonic() + _JUMPED_SECONDS
        while time.monotonic() < until:
            rig.load.wait_for_answers(5)
        assert rig.stack.is_ready(), rig.stack.status(0)
    finally:
        clock.shift(0)
    yield lambda: True


# Two large batches with eight clients around them.
_FULL: Final = Fault(
    "shared memory full",
    _full_shared_memory,
    may_fail=16,
    leaves=("MiB of shared memory",),  # what a large batch took when there was room again
)
MACHINE_FAULTS: Final = (
    _FULL,
    Fault("the clock jumps an hour ahead, and back", partial(_jump, by=3600), may_fail=0),
    Fault("the clock jumps an hour back, and ahead", partial(_jump, by=-3600), may_fail=0),
)
