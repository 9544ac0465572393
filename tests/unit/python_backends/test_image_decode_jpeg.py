from __future__ import annotations

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps

from python_backends.shared.errors import ImageTooLarge, UndecodableImage
from python_backends.shared.image_decode import decode_image, decode_stored
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import (
    HEIGHT,
    WIDTH,
    exif_with_orientation,
    largest_difference,
    small_picture,
)

PIXELS = HEIGHT * WIDTH


def pillow_rgb(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_gives_what_simplejpeg_gives_and_pillow_nearly(options: dict[str, object]) -> None:
    data = encoded(small_picture(), "JPEG", **options)

    pixels = decode_image(data, max_pixels=PIXELS)

    assert pixels.dtype == np.uint8
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, simplejpeg.decode_jpeg(data, colorspace="RGB"))
    assert largest_difference(pixels, pillow_rgb(data)) <= 1


def test_the_channels_are_red_green_blue_in_this_order() -> None:
    data = encoded(Image.new("RGB", (16, 16), (250, 120, 10)), "JPEG", quality=95)

    pixel = decode_image(data, max_pixels=256)[8, 8]

    np.testing.assert_allclose(pixel, (250, 120, 10), atol=4)


def test_a_grey_jpeg_becomes_rgb_with_equal_channels() -> None:
    data = encoded(small_picture().convert("L"), "JPEG")

    pixels = decode_image(data, max_pixels=PIXELS)

    assert pixels.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 1])
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])
    assert largest_difference(pixels, pillow_rgb(data)) <= 1


def test_a_cmyk_jpeg_is_converted_by_pillow() -> None:
    data = encoded(small_picture().convert("CMYK"), "JPEG", quality=95)

    pixels = decode_image(data, max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, pillow_rgb(data))
    assert largest_difference(pixels, np.asarray(small_picture())) < 40  # no negative


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_every_exif_orientation_is_turned_upright_as_pillow_turns_it(
    mode: str, orientation: int
) -> None:
    exif = exif_with_orientation(orientation)
    data = encoded(small_picture().convert(mode), "JPEG", exif=exif, quality=95)

    pixels = decode_image(data, max_pixels=PIXELS)

    assert pixels.flags.c_contiguous
    assert largest_difference(pixels, pillow_rgb(data)) <= 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_exif_orientation_that_does_not_exist_leaves_the_picture_as_it_is(
    orientation: int,
) -> None:
    data = encoded(small_picture(), "JPEG", exif=exif_with_orientation(orientation))

    pixels = decode_image(data, max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, simplejpeg.decode_jpeg(data, colorspace="RGB"))


def test_damaged_exif_does_not_cost_the_picture() -> None:
    data = encoded(small_picture(), "JPEG", exif=exif_with_orientation(6))
    at = data.index(b"Exif\x00\x00") + 6
    damaged = data[:at] + b"\xff" * 8 + data[at + 8 :]

    pixels = decode_image(damaged, max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, simplejpeg.decode_jpeg(data, colorspace="RGB"))


def test_tags_that_pillow_cannot_write_again_do_not_keep_a_picture_from_being_turned() -> None:
    exif = exif_with_orientation(6)
    exif[0x010F] = "maker"
    data = encoded(small_picture().convert("CMYK"), "JPEG", exif=exif)
    ascii_tag = data.index(b"\x01\x0f\x00\x02")  # Make, ASCII; big-endian
    as_rational = data[: ascii_tag + 3] + b"\x05" + data[ascii_tag + 4 :]

    pixels = decode_image(as_rational, max_pixels=PIXELS)

    assert pixels.shape == (WIDTH, HEIGHT, 3)


def test_the_first_picture_of_a_phones_multi_picture_jpeg_is_taken() -> None:
    second = Image.new("RGB", (WIDTH, HEIGHT), "black")
    data = encoded(
        small_picture(), "MPO", save_all=True, append_images=[second], exif=exif_with_orientation(8)
    )

    pixels = decode_image(data, max_pixels=PIXELS)

    upright = np.asarray(small_picture().transpose(Image.Transpose.ROTATE_90))
    assert largest_difference(pixels, upright) < 40


def test_a_jpeg_with_extraneous_bytes_before_its_end_is_accepted() -> None:
    data = encoded(small_picture(), "JPEG")
    sloppy = data[:-2] + b"\x00\x00\x00\x00" + data[-2:]
    with pytest.raises(ValueError, match="extraneous bytes"):
        simplejpeg.decode_jpeg(sloppy)  # else this test would not test the second opinion

    pixels = decode_image(sloppy, max_pixels=PIXELS)

    assert largest_difference(pixels, decode_image(data, max_pixels=PIXELS)) <= 1


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_is_undecodable(progressive: bool, keep: float) -> None:
    data = encoded(small_picture(), "JPEG", progressive=progressive)

    with pytest.raises(UndecodableImage):
        decode_image(data[: int(len(data) * keep)], max_pixels=PIXELS)


def test_a_jpeg_of_one_pixel_more_than_allowed_is_too_large_and_of_none_more_is_not() -> None:
    data = encoded(small_picture(), "JPEG")

    assert decode_image(data, max_pixels=PIXELS).shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(ImageTooLarge, match=f"40 x 24 pixels; at most {PIXELS - 1}"):
        decode_image(data, max_pixels=PIXELS - 1)


def test_a_jpeg_header_that_claims_65000_squared_is_too_large_whatever_follows_it() -> None:
    data = encoded(small_picture(), "JPEG")
    at = data.index(b"\xff\xc0") + 5  # the frame header's height and width
    claim = (65000).to_bytes(2, "big") * 2

    with pytest.raises(ImageTooLarge, match="65000 x 65000"):
        decode_image(data[:at] + claim + data[at + 4 :], max_pixels=10**8)


def test_a_cmyk_jpeg_that_is_too_large_is_refused_by_its_header_too() -> None:
    with pytest.raises(ImageTooLarge):
        decode_image(encoded(small_picture().convert("CMYK"), "JPEG"), max_pixels=PIXELS - 1)


@pytest.mark.parametrize(
    ("least", "eighths"),
    [((3, 5), 1), ((3.1, 5), 2), ((3, 5.1), 2), ((6, 10), 2), ((12, 19), 4), ((12, 21), 8)],
)
def test_a_jpeg_is_decoded_no_larger_than_both_sides_need(
    least: tuple[float, float], eighths: int
) -> None:
    data = encoded(small_picture(), "JPEG")

    decoded = decode_stored(data, max_pixels=PIXELS, least_size=lambda *_sides: least)

    assert decoded.eighths == eighths
    assert decoded.pixels.shape == (HEIGHT * eighths // 8, WIDTH * eighths // 8, 3)
    assert (decoded.height, decoded.width) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("eighths", [1, 2, 4])
@pytest.mark.parametrize("sides", [(9, 17), (801, 1003), (16, 8), (1, 90)])
def test_a_reduced_jpeg_has_its_sides_rounded_up(sides: tuple[int, int], eighths: int) -> None:
    height, width = sides
    data = encoded(Image.new("RGB", (width, height), "teal"), "JPEG")
    least = height * eighths / 8, width * eighths / 8

    decoded = decode_stored(data, max_pixels=10**6, least_size=lambda *_sides: least)

    assert decoded.pixels.shape[:2] == tuple(-(-side * eighths // 8) for side in sides)


def test_the_least_size_is_asked_for_the_upright_picture() -> None:
    data = encoded(small_picture(), "JPEG", exif=exif_with_orientation(6))
    asked = []

    def least_size(height: int, width: int) -> tuple[float, float]:
        asked.append((height, width))
        return WIDTH / 2, 0

    decoded = decode_stored(data, max_pixels=PIXELS, least_size=least_size)

    assert asked == [(WIDTH, HEIGHT)]
    assert (decoded.height, decoded.width, decoded.orientation) == (WIDTH, HEIGHT, 6)
    assert decoded.pixels.shape == (HEIGHT // 2, WIDTH // 2, 3)


def test_less_is_decoded_without_moving_what_is_on_the_picture() -> None:
    data = encoded(small_picture(), "JPEG", quality=95)

    decoded = decode_stored(data, max_pixels=PIXELS, least_size=lambda *_sides: (3, 5))

    means = np.asarray(small_picture().resize((5, 3), Image.Resampling.BOX))
    assert largest_difference(decoded.pixels, means) <= 3
