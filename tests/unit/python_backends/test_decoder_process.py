"""What a decoder's process has, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from python_backends.image_preprocess.decode_channel import REQUEST, PictureMemory
from python_backends.image_preprocess.decoder_main import decode_for
from python_backends.shared.contract import Status
from python_backends.shared.image_batch import preprocess_image, preprocess_images
from tests import pictures
from tests.left_over import alive_after
from tests.unit.python_backends import odd_decoders
from tests.unit.python_backends.decode_pools import (
    MAX_PIXELS,
    SHAPE,
    TRANSFORM,
    batch_of,
    decode_pool,
    poisonable,
)

A_STUB = """
from tests import pictures
from tests.poison_decoder import poisoned_jpeg
from tests.unit.python_backends.decode_pools import batch_of, decode_pool, relatives
with decode_pool(decode_processes=2) as pool:
    while len(relatives()) < 4:
        pool.decode_images(batch_of(pictures.seven_jpeg()))
    print(*[child.pid for child in relatives()], flush=True)
    pool.decode_images(batch_of(poisoned_jpeg("loop")))
"""


def test_a_decoder_has_one_thread_its_own_files_no_core_dump_and_dies_first() -> None:
    with Path(os.devnull).open() as of_the_stub, decode_pool(odd_decoders.process_facts) as pool:
        os.set_inheritable(of_the_stub.fileno(), True)
        pixels, _ = pool.decode_images(batch_of(b""))

    files, strange_files, threads, core_bytes, oom_score = pixels.reshape(-1)[:5].tolist()
    assert (files, strange_files) == (3, 0)  # a socket, and the memory and its mapping's copy
    assert threads == 1
    assert core_bytes == 0
    assert oom_score == 100


def test_a_result_of_another_shape_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with decode_pool(odd_decoders.of_wrong_shape) as pool:
        _, status = pool.decode_images(batch_of(b""))

    assert status.tolist() == [[Status.UNDECODABLE]]
    assert "not (32, 40, 3)" in caplog.text


def test_a_decoder_goes_the_quick_way_as_this_process_does() -> None:
    quick = replace(TRANSFORM, quick_margin=2.0)
    large = pictures.seven().resize((700, 900))
    batch = batch_of(
        pictures.rotated_by_exif(large),
        pictures.encoded(large),
        pictures.encoded(large, "WEBP"),
        b"no image",
    )
    with decode_pool(partial(preprocess_image, transform=quick, max_pixels=MAX_PIXELS)) as pool:
        pixels, status = pool.decode_images(batch)

    expected, expected_status = preprocess_images(batch, quick, max_pixels=MAX_PIXELS)
    exact, _ = preprocess_images(batch, TRANSFORM, max_pixels=MAX_PIXELS)
    np.testing.assert_array_equal(status, expected_status)
    np.testing.assert_array_equal(pixels, expected)
    assert not np.array_equal(pixels, exact)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_stub_that_is_killed_at_work(sign: signal.Signals) -> None:
    command = [sys.executable, "-c", A_STUB]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stub:
        assert stub.stdout
        family = [psutil.Process(int(pid)) for pid in stub.stdout.readline().split()]
        stub.send_signal(sign)

        assert alive_after(family, 1.0) == []


def test_a_decoder_answers_picture_after_picture_until_the_stub_hangs_up() -> None:
    """In a thread of this process, where the coverage of what children run can be seen."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    memory = PictureMemory.create(SHAPE)
    its_memory = PictureMemory(os.dup(memory.fd), SHAPE)
    thread = threading.Thread(target=decode_for, args=(theirs, its_memory, poisonable()))
    thread.start()
    answers = []
    for image in (pictures.seven_jpeg(), b"no image", pictures.seven_jpeg() + bytes(9_000_000)):
        memory.write_input(image)
        mine.send(REQUEST.pack(len(image)))
        answers.append(mine.recv(100))
        memory.forget_large_input()
    mine.close()
    thread.join(5)
    theirs.close()
    memory.close()
    its_memory.close()

    assert answers == [bytes([status]) for status in (Status.OK, Status.UNDECODABLE, Status.OK)]
