from __future__ import annotations

import zlib

import pytest
from PIL import Image

from python_backends.shared.errors import ImageTooLarge, UndecodableImage, UnsupportedFormat
from python_backends.shared.image_decode import decode_image
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import png_header, small_picture

UNSUPPORTED = {
    "GIF": encoded(small_picture(), "GIF"),
    "BMP": encoded(small_picture(), "BMP"),
    "little-endian TIFF": encoded(small_picture(), "TIFF"),
    "big-endian TIFF": b"MM\x00*" + bytes(20),
    "ICO": encoded(small_picture(), "ICO"),
    "JPEG 2000": encoded(small_picture(), "JPEG2000"),
    "JPEG XL": b"\xff\x0a" + bytes(20),
    "Photoshop": b"8BPS" + bytes(20),
    "PDF": encoded(small_picture(), "PDF"),
    "HEIC": b"\x00\x00\x00\x18ftypheic" + bytes(20),
    "AVIF": encoded(small_picture(), "AVIF"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_known_format_that_is_not_taken_is_called_unsupported(name: str) -> None:
    with pytest.raises(UnsupportedFormat, match="send a JPEG, PNG or WebP"):
        decode_image(UNSUPPORTED[name], max_pixels=10**6)


UNDECODABLE = {
    "nothing": b"",
    "one byte": b"\xff",
    "text": b"this is not an image",
    "UTF-16 text": "\ufeffdigits".encode("utf-16-le"),
    "zeros": bytes(100),
    "a PPM, which Pillow could read": encoded(small_picture(), "PPM"),
    "a PostScript, for which Pillow would start a program": b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(9),
    "only JPEG's first bytes": b"\xff\xd8\xff",
    "a JPEG without a frame": b"\xff\xd8\xff\xd9",
    "only PNG's first bytes": b"\x89PNG\r\n\x1a\n",
    "only WebP's first bytes": b"RIFF\x1a\x00\x00\x00WEBPVP8L",
    "a RIFF that is no WebP": b"RIFF\x24\x00\x00\x00WAVEfmt ",
}


@pytest.mark.parametrize("name", UNDECODABLE)
def test_what_is_no_whole_picture_is_called_undecodable(name: str) -> None:
    with pytest.raises(UndecodableImage):
        decode_image(UNDECODABLE[name], max_pixels=10**6)


def test_a_jpeg_named_otherwise_is_still_a_jpeg_because_only_its_bytes_count() -> None:
    data = encoded(Image.new("RGB", (8, 8), "white"), "JPEG")

    assert decode_image(data, max_pixels=64).shape == (8, 8, 3)


def test_a_message_for_a_caller_says_nothing_of_paths_or_libraries() -> None:
    with pytest.raises(UndecodableImage) as caught:
        decode_image(b"this is not an image", max_pixels=10**6)

    assert str(caught.value) == "the bytes are not a whole JPEG, PNG or WebP"


def test_a_picture_of_no_width_is_undecodable() -> None:
    header = b"IHDR" + png_header(0, 5, bits=8, colour=2)
    checksum = zlib.crc32(header).to_bytes(4, "big")
    data = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\x0d" + header + checksum

    with pytest.raises(UndecodableImage):
        decode_image(data, max_pixels=10**6)


def test_pillows_own_limit_never_escapes_as_another_error(monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(small_picture(), "JPEG", exif=exif)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)

    with pytest.raises(ImageTooLarge):
        decode_image(data, max_pixels=10**6)
