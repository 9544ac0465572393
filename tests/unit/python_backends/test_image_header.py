from __future__ import annotations

import pytest

from python_backends.image_preprocess.decode_limits import DecodeLimits
from python_backends.shared.image_header import announced_pixels, has_exif
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import (
    HEIGHT,
    WIDTH,
    exif_with_orientation,
    png,
    png_header,
    small_picture,
)

PICTURES = {
    "JPEG": lambda: encoded(small_picture()),
    "progressive JPEG": lambda: encoded(small_picture(), progressive=True),
    "JPEG with EXIF": lambda: encoded(small_picture(), exif=exif_with_orientation(6)),
    "PNG": lambda: encoded(small_picture(), "PNG"),
    "lossy WebP": lambda: encoded(small_picture(), "WEBP"),
    "lossless WebP": lambda: encoded(small_picture(), "WEBP", lossless=True),
    "extended WebP": lambda: encoded(small_picture(), "WEBP", exif=exif_with_orientation(6)),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_the_header_of_every_kind_is_read(kind: str) -> None:
    assert announced_pixels(PICTURES[kind]()) == WIDTH * HEIGHT


@pytest.mark.parametrize("kind", PICTURES)
def test_only_a_jpeg_with_an_exif_segment_has_exif(kind: str) -> None:
    assert has_exif(PICTURES[kind]()) == (kind == "JPEG with EXIF")


def test_what_only_mentions_exif_has_none() -> None:
    assert not has_exif(encoded(small_picture(), comment=b"Exif\x00\x00"))


def test_padding_before_a_marker_is_skipped() -> None:
    jpeg = encoded(small_picture())

    assert announced_pixels(jpeg[:2] + b"\xff\xff\xff" + jpeg[2:]) == WIDTH * HEIGHT


@pytest.mark.parametrize("kind", PICTURES)
def test_no_piece_of_a_header_fails_or_says_more_than_there_can_be(kind: str) -> None:
    whole = PICTURES[kind]()
    for length in range(64):
        assert 0 <= announced_pixels(whole[:length]) <= 1 << 64


@pytest.mark.parametrize("bytes_", [b"", b"GIF89a", b"\xff\xd8\xff\xd9", b"RIFF0000WEBPODD "])
def test_what_has_no_header_announces_nothing(bytes_: bytes) -> None:
    assert announced_pixels(bytes_) == 0


def test_more_time_is_given_by_size_and_not_beyond_what_is_decoded_at_all() -> None:
    limits = DecodeLimits.from_parameters({"max_pixels": "50000000"})

    assert limits.more_seconds(encoded(small_picture())) == pytest.approx(96e-6)
    bomb = png(png_header(12_000, 12_000, bits=8, colour=0), b"")
    assert limits.more_seconds(bomb) == pytest.approx(5.0)
