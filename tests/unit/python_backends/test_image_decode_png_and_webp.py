from __future__ import annotations

import io
from struct import pack

import numpy as np
import pytest
from PIL import Image, ImageOps

from python_backends.shared.errors import ImageTooLarge, UndecodableImage
from python_backends.shared.image_decode import decode_image
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import (
    HEIGHT,
    WIDTH,
    exif_with_orientation,
    largest_difference,
    png,
    png_header,
    small_picture,
)

PIXELS = HEIGHT * WIDTH
WHITE = (255, 255, 255)


def half_transparent_picture() -> Image.Image:
    """Black ink, opaque on the left and fading to nothing on the right."""
    layers = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    layers[..., 3] = np.linspace(255, 0, WIDTH).astype(np.uint8)
    return Image.fromarray(layers)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_a_lossless_picture_comes_back_bit_for_bit(kind: str, options: dict[str, object]) -> None:
    pixels = decode_image(encoded(small_picture(), kind, **options), max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, np.asarray(small_picture()))
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


def test_a_lossy_webp_gives_what_pillow_gives() -> None:
    data = encoded(small_picture(), "WEBP", quality=90)

    pixels = decode_image(data, max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert largest_difference(pixels, np.asarray(small_picture())) < 40


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    black = Image.new("RGB", (WIDTH, HEIGHT))
    data = encoded(small_picture(), kind, save_all=True, append_images=[black], lossless=True)

    pixels = decode_image(data, max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, np.asarray(small_picture()))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_exif_turns_a_png_and_a_webp_upright_too(
    kind: str, options: dict[str, object], orientation: int
) -> None:
    data = encoded(small_picture(), kind, exif=exif_with_orientation(orientation), **options)

    pixels = decode_image(data, max_pixels=PIXELS)

    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(pixels, np.asarray(expected))
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_transparency_is_laid_on_white(kind: str, options: dict[str, object]) -> None:
    data = encoded(half_transparent_picture(), kind, exact=True, **options)

    pixels = decode_image(data, max_pixels=PIXELS)

    on_white = 255 - np.linspace(255, 0, WIDTH).astype(int)
    expected = np.broadcast_to(on_white[None, :, None], (HEIGHT, WIDTH, 3))
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_grey_with_alpha_is_laid_on_white() -> None:
    picture = Image.fromarray(np.array([[[100, 255], [0, 0]]], np.uint8))
    assert picture.mode == "LA"

    pixels = decode_image(encoded(picture, "PNG"), max_pixels=2)

    assert pixels.tolist() == [[[100, 100, 100], list(WHITE)]]


def test_a_sixteen_bit_grey_png_keeps_its_high_byte() -> None:
    greys = np.array([[0, 255, 256, 0x80FF, 65535]], np.uint16)

    pixels = decode_image(encoded(Image.fromarray(greys), "PNG"), max_pixels=5)

    assert pixels[0, :, 0].tolist() == [0, 0, 1, 0x80, 255]
    assert pixels.shape == (1, 5, 3)


def test_the_transparent_grey_of_a_sixteen_bit_png_is_laid_on_white() -> None:
    data = png(
        png_header(2, 1, bits=16, colour=0),
        b"\x00" + pack(">HH", 0, 0x8000),
        (b"tRNS", pack(">H", 0)),
    )

    pixels = decode_image(data, max_pixels=2)

    assert pixels.tolist() == [[list(WHITE), [0x80, 0x80, 0x80]]]


def test_sixteen_bit_colours_keep_their_high_bytes() -> None:
    data = png(png_header(1, 1, bits=16, colour=2), b"\x00" + pack(">HHH", 65535, 0x80FF, 255))

    assert decode_image(data, max_pixels=1).tolist() == [[[255, 0x80, 0]]]


def test_a_palette_png_becomes_its_colours() -> None:
    palette = small_picture().quantize(16)

    pixels = decode_image(encoded(palette, "PNG"), max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, np.asarray(palette.convert("RGB")))


def test_a_transparent_palette_colour_is_laid_on_white() -> None:
    picture = Image.fromarray(np.array([[0, 1]], np.uint8))
    picture.putpalette([10, 20, 30, 40, 50, 60])

    pixels = decode_image(encoded(picture, "PNG", transparency=0), max_pixels=2)

    assert pixels.tolist() == [[list(WHITE), [40, 50, 60]]]


def test_a_one_bit_png_becomes_black_and_white() -> None:
    picture = Image.fromarray(np.array([[True, False, True]]))
    assert picture.mode == "1"

    pixels = decode_image(encoded(picture, "PNG"), max_pixels=3)

    assert pixels.tolist() == [[list(WHITE), [0, 0, 0], list(WHITE)]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_truncated_picture_is_undecodable(kind: str) -> None:
    data = encoded(small_picture(), kind)

    for keep in (0.2, 0.5, 0.8):
        with pytest.raises(UndecodableImage):
            decode_image(data[: int(len(data) * keep)], max_pixels=PIXELS)


def test_a_png_that_lost_only_its_end_marker_still_has_all_its_pixels() -> None:
    data = encoded(small_picture(), "PNG")

    pixels = decode_image(data[: data.rindex(b"IEND") - 4], max_pixels=PIXELS)

    np.testing.assert_array_equal(pixels, np.asarray(small_picture()))


def test_a_png_with_a_wrong_checksum_is_undecodable() -> None:
    data = bytearray(encoded(small_picture(), "PNG"))
    data[data.index(b"IDAT") + 10] ^= 1

    with pytest.raises(UndecodableImage):
        decode_image(bytes(data), max_pixels=PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_one_pixel_more_than_allowed_is_too_large(kind: str) -> None:
    data = encoded(small_picture(), kind)

    assert decode_image(data, max_pixels=PIXELS).shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(ImageTooLarge):
        decode_image(data, max_pixels=PIXELS - 1)


def test_the_size_of_a_png_is_judged_before_its_pixels_are_looked_at() -> None:
    # Without the judgement these pixels would be found missing: UndecodableImage.
    claims_144_megapixels = png(png_header(12_000, 12_000, bits=8, colour=2), b"")

    with pytest.raises(ImageTooLarge, match="12000 x 12000"):
        decode_image(claims_144_megapixels, max_pixels=50_000_000)


def test_a_png_beyond_pillows_own_limit_is_too_large_even_where_more_is_accepted() -> None:
    claims_400_megapixels = png(png_header(20_000, 20_000, bits=8, colour=2), b"")

    with pytest.raises(ImageTooLarge):
        decode_image(claims_400_megapixels, max_pixels=10**9)
