from __future__ import annotations

import logging
import signal
import time

import numpy as np
import pytest
from PIL import Image

from python_backends.shared.contract import Status
from python_backends.shared.errors import ModelAssetError
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

GOOD = pictures.seven_jpeg()


def odd_pictures() -> list[bytes]:
    """Every kind of picture that the decoder knows, and kinds of bytes that it refuses."""
    seven = pictures.seven()
    return [
        *(file.read_bytes() for file in pictures.sample_files()),
        pictures.rotated_by_exif(seven),
        pictures.sixteen_bit_png(seven),
        pictures.transparent_png(seven),
        pictures.bomb_png(),
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


def test_a_child_makes_bit_for_bit_what_this_process_makes() -> None:
    batch = batch_of(*odd_pictures())
    with decode_pool() as pool:
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


def test_an_empty_batch_is_answered_empty() -> None:
    with decode_pool() as pool:
        pixels, status = pool.decode_images(batch_of())

    assert pixels.shape == (0, *SHAPE)
    assert status.shape == (0, 1)


@pytest.mark.parametrize("kind", [*CRASHES, *HANGS])
def test_a_harmful_image_costs_itself_and_nothing_else(kind: str) -> None:
    poison = poisoned_jpeg(kind)
    with decode_pool(decode_processes=2, decode_deadline_ms=200) as pool:
        pixels, status = pool.decode_images(batch_of(GOOD, poison, GOOD, GOOD, poison, GOOD))

    harmful, ok = Status.HARMFUL, Status.OK
    assert status[:, 0].tolist() == [ok, harmful, ok, ok, harmful, ok]
    np.testing.assert_array_equal(pixels[0], pixels[5])
    assert pixels[0].any()
    assert not pixels[1].any()


def test_a_batch_of_nothing_but_crashes_is_answered() -> None:
    with decode_pool() as pool:
        _, status = pool.decode_images(batch_of(*[poisoned_jpeg("segfault")] * 32))

        assert set(status[:, 0]) == {Status.HARMFUL}


def test_an_image_that_asks_for_too_much_memory_is_too_large_and_its_decoder_lives() -> None:
    with decode_pool(decode_processes=1) as pool:
        pool.decode_images(batch_of(GOOD))
        before = {child.pid for child in nursery().children()}
        _, status = pool.decode_images(batch_of(poisoned_jpeg("memory"), GOOD))

        assert status[:, 0].tolist() == [Status.TOO_LARGE, Status.OK]
        assert {child.pid for child in nursery().children()} == before


def test_the_limit_of_memory_holds_for_real_decoding() -> None:
    large = pictures.encoded(Image.new("RGB", (6000, 4000)), "PNG")
    with decode_pool(decode_memory_bytes=180_000_000) as pool:
        _, status = pool.decode_images(batch_of(large, GOOD))

    assert status[:, 0].tolist() == [Status.TOO_LARGE, Status.OK]


def test_more_bytes_than_a_decoder_may_map_are_too_large() -> None:
    with decode_pool(decode_memory_bytes=180_000_000) as pool:
        _, status = pool.decode_images(batch_of(GOOD + bytes(200_000_000), GOOD))

    assert status[:, 0].tolist() == [Status.TOO_LARGE, Status.OK]


def test_an_error_that_nobody_thought_of_is_logged_in_full_and_costs_one_image(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with decode_pool() as pool, caplog.at_level(logging.ERROR):
        _, status = pool.decode_images(batch_of(poisoned_jpeg("bug"), GOOD))

    assert status[:, 0].tolist() == [Status.UNDECODABLE, Status.OK]
    assert "something nobody thought of" in caplog.text


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_decoders_that_are_lost_while_idle_cost_no_image(sign: signal.Signals) -> None:
    with decode_pool(decode_deadline_ms=200, decode_processes=2) as pool:
        pool.decode_images(batch_of(GOOD, GOOD, GOOD))
        for decoder in nursery().children():
            decoder.send_signal(sign)
        _, status = pool.decode_images(batch_of(*[GOOD] * 8))

        assert set(status[:, 0]) == {Status.OK}


def test_a_killed_nursery_costs_no_image_and_is_started_again() -> None:
    with decode_pool() as pool:
        pool.decode_images(batch_of(GOOD))
        first = nursery()
        decoders = first.children()
        first.kill()
        _, status = pool.decode_images(batch_of(*[GOOD] * 8))

        assert set(status[:, 0]) == {Status.OK}
        assert nursery().pid != first.pid
        assert alive_after(decoders, 5.0) == []


def test_two_decoders_sleep_at_the_same_time() -> None:
    with decode_pool(decode_processes=2, decode_deadline_ms=700) as pool:
        started = time.monotonic()
        _, status = pool.decode_images(batch_of(poisoned_jpeg("sleep"), poisoned_jpeg("sleep")))

        assert status[:, 0].tolist() == [Status.HARMFUL] * 2
        assert 0.7 < time.monotonic() - started < 1.3


def test_a_spare_decoder_stands_by() -> None:
    with decode_pool(decode_processes=2) as pool:
        pool.decode_images(batch_of(GOOD, GOOD, GOOD))

        assert len(nursery().children()) == 3


def test_a_hundred_crashes_leave_no_file_open_and_no_process_behind() -> None:
    with decode_pool() as pool:
        pool.decode_images(batch_of(poisoned_jpeg("exit"), GOOD))
        files, decoders = open_files(), len(nursery().children())
        for _ in range(25):
            pool.decode_images(batch_of(*[poisoned_jpeg("exit")] * 4))
        pool.decode_images(batch_of(GOOD))

        assert open_files() == files
        assert len(nursery().children()) == decoders


def test_without_a_python_the_model_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setattr("sys.prefix", "/nowhere")
    monkeypatch.setattr("sys.base_prefix", "/nowhere")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelAssetError, match="no python3 here"), decode_pool():
        pass
