"""What runs in the child processes: a nursery, and the decoders that it forks.

The nursery is a fresh Python that imports what decoding needs, once, and stays single-threaded; so
forking from it is safe, takes a millisecond, and its memory is shared by all its decoders. It looks
at no picture itself. When the stub goes, however it goes, the nursery reads the end of its socket
and ends, and the kernel ends the decoders with it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import resource
import signal
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from python_backends.image_preprocess.decode_channel import (
    ANSWER_BYTES,
    HELLO,
    REQUEST,
    PictureMemory,
)
from python_backends.shared.contract import Status
from python_backends.shared.errors import InvalidInput
from python_backends.shared.image_batch import STATUS_OF

# One encoded image -> [H, W, 3], uint8; raises InvalidInput for a picture that is no good.
DecodeImage = Callable[[bytes], NDArray[np.uint8]]

JOB_BYTES: Final = 64 * 1024
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_FIRST_FOR_THE_OOM_KILLER: Final = "1000"


@dataclass(frozen=True)
class DecodeJob:
    """What every decoder of one nursery does."""

    decode_image: DecodeImage  # pickled by name, so it lives in a module
    shape: tuple[int, ...]  # of what it returns
    memory_bytes: int  # address space of one decoder


def serve_nursery(control_fd: int, parent_pid: int) -> None:
    """Fork a decoder whenever the stub sends a socket and a memory for one; never returns."""
    end_with_parent(parent_pid)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    with socket.socket(fileno=control_fd) as control:
        job: DecodeJob = pickle.loads(control.recv(JOB_BYTES))  # noqa: S301 - from our own stub
        # Pillow's other plugins too, or each decoder would import them at its first broken file.
        Image.init()
        gc.freeze()  # a collection would write to, and so copy, every page that is shared
        while True:
            _, fds, _, _ = socket.recv_fds(control, 1, 2)
            if not fds:
                return
            if os.fork() == 0:
                control.close()
                _be_a_decoder(job, *fds)
            for fd in fds:
                os.close(fd)


def end_with_parent(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends.

    The kernel looks at the thread that started us. In a stub that is the main one, which also
    loads and executes models; in a nursery there is no other.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it ended before we asked
        os._exit(1)


def _be_a_decoder(job: DecodeJob, link_fd: int, memory_fd: int) -> None:
    try:
        end_with_parent(os.getppid())
        Path("/proc/self/oom_score_adj").write_text(_FIRST_FOR_THE_OOM_KILLER)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold people's pictures
        resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, job.memory_bytes))
        with socket.socket(fileno=link_fd) as link:
            link.send(HELLO.pack(os.getpid()))
            decode_for(link, PictureMemory(memory_fd, job.shape), job.decode_image)
    except OSError:
        pass  # the stub has gone
    finally:
        os._exit(0)  # never back into the nursery's loop


def decode_for(link: socket.socket, memory: PictureMemory, decode_image: DecodeImage) -> None:
    """Decode one picture after another until the other side hangs up.

    Args:
        link: Brings the length of each picture, takes its Status.
        memory: Holds the picture, takes its pixels.
        decode_image: What to do with it.
    """
    while request := link.recv(REQUEST.size):
        memory.mark_begun()
        (length_bytes,) = REQUEST.unpack(request)
        link.send(_answer(memory, length_bytes, decode_image))


def _answer(memory: PictureMemory, length_bytes: int, decode_image: DecodeImage) -> bytes:
    """Status, and where the fault may be ours, what happened."""
    try:
        memory.write_pixels(decode_image(memory.read_input(length_bytes)))
    except InvalidInput as exc:
        return bytes([STATUS_OF[type(exc)]])
    except MemoryError:
        return bytes([Status.TOO_LARGE])
    except Exception:  # noqa: BLE001 - the stub logs it; one picture must not cost a process
        complaint = traceback.format_exc().encode()
        return bytes([Status.UNDECODABLE]) + complaint[1 - ANSWER_BYTES :]
    return bytes([Status.OK])
