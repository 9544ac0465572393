from __future__ import annotations

import pytest
from PIL import Image

from python_backends.shared.contract import Status
from python_backends.shared.errors import ModelAssetError
from tests import pictures
from tests.poison_decoder import poisoned_jpeg
from tests.unit.python_backends.decode_pools import batch_of, decode_pool, nursery

GOOD = pictures.seven_jpeg()


def test_an_image_that_asks_for_too_much_memory_is_too_large_and_its_decoder_lives() -> None:
    with decode_pool(decode_processes=1, decode_deadline_ms=10_000) as pool:
        pool.decode_images(batch_of(GOOD))
        before = {child.pid for child in nursery().children()}
        _, status = pool.decode_images(batch_of(poisoned_jpeg("memory"), GOOD))

        assert status[:, 0].tolist() == [Status.TOO_LARGE, Status.OK]
        assert {child.pid for child in nursery().children()} == before


def test_the_limit_of_memory_holds_for_real_decoding() -> None:
    large = pictures.encoded(Image.new("RGB", (4000, 3000)), "PNG")
    with decode_pool(decode_memory_bytes=150_000_000, decode_deadline_ms=10_000) as pool:
        _, status = pool.decode_images(batch_of(large, GOOD))

    assert status[:, 0].tolist() == [Status.TOO_LARGE, Status.OK]


def test_more_bytes_than_a_decoder_may_map_are_too_large() -> None:
    with decode_pool(decode_memory_bytes=150_000_000, decode_deadline_ms=10_000) as pool:
        _, status = pool.decode_images(batch_of(GOOD + bytes(60_000_000), GOOD))

    assert status[:, 0].tolist() == [Status.TOO_LARGE, Status.OK]


def test_without_a_python_the_model_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setattr("sys.prefix", "/nowhere")
    monkeypatch.setattr("sys.base_prefix", "/nowhere")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelAssetError, match="no python3 here"), decode_pool():
        pass
