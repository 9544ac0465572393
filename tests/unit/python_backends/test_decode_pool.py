from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator

import numpy as np
import pytest

from python_backends.image_preprocess.decode_pool import DecodePool
from python_backends.shared.contract import Status
from python_backends.shared.image_batch import preprocess_images
from tests import pictures
from tests.left_over import alive_after
from tests.poison_decoder import CRASHES, HANGS, poisoned_jpeg
from tests.unit.python_backends.decode_pools import (
    MAX_PIXELS,
    SHAPE,
    TRANSFORM,
    batch_of,
    decode_pool,
    nursery,
    open_files,
)
from tests.unit.python_backends.small_pictures import png, png_header
from tests.unit.triptych.waiting import wait_until

GOOD = pictures.seven_jpeg()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    """One for all tests here that need no limits of their own; each start costs a Python."""
    with decode_pool(decode_processes=2, decode_deadline_ms=300) as shared:
        yield shared


def odd_pictures() -> list[bytes]:
    """Every kind of picture that the decoder knows, and kinds of bytes that it refuses."""
    seven = pictures.seven()
    return [
        *(file.read_bytes() for file in pictures.sample_files()),
        pictures.rotated_by_exif(seven),
        pictures.sixteen_bit_png(seven),
        pictures.transparent_png(seven),
        png(png_header(12_000, 12_000, bits=8, colour=0), b""),
        pictures.encoded(seven, "WEBP", lossless=True),
        pictures.encoded(seven, progressive=True),
        pictures.encoded(seven.convert("CMYK")),
        pictures.encoded(seven.convert("L")),
        pictures.encoded(seven.convert("P"), "PNG"),
        pictures.encoded(seven.resize((1, 700)), "PNG"),
        pictures.encoded(seven, "GIF"),
        GOOD[:-400],
        GOOD + b"more",
        b"no image",
        b"",
    ]


def test_a_child_makes_bit_for_bit_what_this_process_makes(pool: DecodePool) -> None:
    batch = batch_of(*odd_pictures())
    pixels, status = pool.decode_images(batch)

    expected_pixels, expected_status = preprocess_images(batch, TRANSFORM, max_pixels=MAX_PIXELS)
    np.testing.assert_array_equal(status, expected_status)
    np.testing.assert_array_equal(pixels, expected_pixels)
    assert set(status[:, 0]) == {
        Status.OK,
        Status.UNDECODABLE,
        Status.TOO_LARGE,
        Status.UNSUPPORTED_FORMAT,
    }


def test_an_empty_batch_is_answered_empty(pool: DecodePool) -> None:
    pixels, status = pool.decode_images(batch_of())

    assert pixels.shape == (0, *SHAPE)
    assert status.shape == (0, 1)


@pytest.mark.parametrize("kind", [*CRASHES, *HANGS])
def test_a_harmful_image_costs_itself_and_nothing_else(pool: DecodePool, kind: str) -> None:
    poison = poisoned_jpeg(kind)
    pixels, status = pool.decode_images(batch_of(GOOD, poison, GOOD, GOOD, poison, GOOD))

    harmful, ok = Status.HARMFUL, Status.OK
    assert status[:, 0].tolist() == [ok, harmful, ok, ok, harmful, ok]
    np.testing.assert_array_equal(pixels[0], pixels[5])
    assert pixels[0].any()
    assert not pixels[1].any()


def test_a_batch_of_nothing_but_crashes_is_answered(pool: DecodePool) -> None:
    _, status = pool.decode_images(batch_of(*[poisoned_jpeg("segfault")] * 32))

    assert set(status[:, 0]) == {Status.HARMFUL}


def test_an_error_that_nobody_thought_of_is_logged_in_full_and_costs_one_image(
    pool: DecodePool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        _, status = pool.decode_images(batch_of(poisoned_jpeg("bug"), GOOD))

    assert status[:, 0].tolist() == [Status.UNDECODABLE, Status.OK]
    assert "something nobody thought of" in caplog.text


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_decoders_that_are_lost_while_idle_cost_no_image(
    pool: DecodePool, sign: signal.Signals
) -> None:
    pool.decode_images(batch_of(GOOD, GOOD, GOOD))
    for decoder in nursery().children():
        decoder.send_signal(sign)
    _, status = pool.decode_images(batch_of(*[GOOD] * 8))

    assert set(status[:, 0]) == {Status.OK}


def test_a_killed_nursery_costs_no_image_and_is_started_again(pool: DecodePool) -> None:
    pool.decode_images(batch_of(GOOD))
    first = nursery()
    decoders = first.children()
    first.kill()
    _, status = pool.decode_images(batch_of(*[GOOD] * 8))

    assert set(status[:, 0]) == {Status.OK}
    assert nursery().pid != first.pid
    assert alive_after(decoders, 5.0) == []


def test_two_decoders_sleep_at_the_same_time(pool: DecodePool) -> None:
    started = time.monotonic()
    _, status = pool.decode_images(batch_of(poisoned_jpeg("sleep"), poisoned_jpeg("sleep")))

    assert status[:, 0].tolist() == [Status.HARMFUL] * 2
    assert 0.3 < time.monotonic() - started < 0.6


def test_a_spare_decoder_stands_by(pool: DecodePool) -> None:
    pool.decode_images(batch_of(GOOD, GOOD, GOOD))

    assert len(nursery().children()) == 3


def test_a_hundred_crashes_leave_no_file_open_and_no_process_behind(pool: DecodePool) -> None:
    pool.decode_images(batch_of(poisoned_jpeg("exit"), GOOD))
    files = open_files()
    for _ in range(25):
        pool.decode_images(batch_of(*[poisoned_jpeg("exit")] * 4))
    pool.decode_images(batch_of(GOOD))

    assert open_files() <= files  # what earlier tests left may be collected meanwhile
    # Two work and one is spare; the last that ended may still be there for a moment.
    wait_until(lambda: len(nursery().children()) == 3)
