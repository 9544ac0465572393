"""Start the nursery, a Python of its own, and have it fork decoders."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from python_backends.image_preprocess.decode_channel import PictureMemory
from python_backends.image_preprocess.decoder import Decoder
from python_backends.image_preprocess.decoder_main import DecodeJob
from python_backends.shared.errors import ModelAssetError

# OpenBLAS must not start threads, or forking were unsafe. And malloc must keep what a picture of a
# megapixel needs: by default it gives the top of the heap back after each one, and the page faults
# of the next cost up to half a millisecond.
_ENVIRONMENT: Final = (
    "OPENBLAS_NUM_THREADS=1",
    f"MALLOC_MMAP_THRESHOLD_={4 * 1024 * 1024}",
    f"MALLOC_TRIM_THRESHOLD_={16 * 1024 * 1024}",
)
# The stub's own search path behind the interpreter's: the same packages, whichever way the stub
# found them.
_ENTRY: Final = (
    "import json, sys\n"
    "sys.path += [place for place in json.loads(sys.argv[3]) if place not in sys.path]\n"
    "from python_backends.image_preprocess.decoder_main import serve_nursery\n"
    "serve_nursery(int(sys.argv[1]), int(sys.argv[2]))\n"
)
# Isolated, without site-packages of its own, and writing no bytecode.
_ISOLATED: Final = ("-I", "-S", "-B", "-c")
_END_SECONDS: Final = 2.0


class Nursery:
    """One running nursery.

    Start it from a thread that lives as long as the process: to the kernel, the death of the
    starting thread is the parent's.

    Args:
        job: What its decoders will do.

    Raises:
        ModelAssetError: no interpreter of ours was found, or it does not start.
    """

    def __init__(self, job: DecodeJob) -> None:
        self._job = job
        complaints = []
        for python in _interpreters():
            try:
                self._start(python)
                first = self.fork()
                first.wait_until_ready()
            except OSError as exc:
                complaints.append(f"{python}: {exc}")
                self.close()
            else:
                self.first = first
                return
        raise ModelAssetError(f"no decoder starts: {'; '.join(complaints) or 'no python3 here'}")

    def _start(self, python: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = json.dumps([place for place in sys.path if place])  # "" would be wherever we stand
        arguments = (str(theirs.fileno()), str(os.getpid()), paths)
        with theirs:
            self._process = subprocess.Popen(
                ["env", *_ENVIRONMENT, python, *_ISOLATED, _ENTRY, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],  # and no other of the stub's
            )
        self._control.send(pickle.dumps(self._job))

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone, and its decoders with it."""
        return self._process.poll() is not None

    def fork(self) -> Decoder:
        """Ask for one more decoder, without waiting for it.

        Raises:
            OSError: the nursery has gone.
        """
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(mine.close)
            memory = PictureMemory.create(self._job.shape)
            undo.callback(memory.close)
            socket.send_fds(self._control, [b"+"], [theirs.fileno(), memory.fd])
            undo.pop_all()
        return Decoder(mine, memory)

    def close(self) -> None:
        """End it and its decoders, and wait until it is gone."""
        self._control.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _interpreters() -> Iterator[str]:
    """Where a Python of this version may be: embedded in a stub, sys.executable is but a guess."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    guesses = [
        sys.executable,
        *(str(Path(prefix) / "bin" / name) for prefix in (sys.prefix, sys.base_prefix)),
        shutil.which(name),
    ]
    for guess in dict.fromkeys(guesses):
        if guess and os.access(guess, os.X_OK) and Path(guess).name.startswith("python"):
            yield guess
