"""The quick way is held against `ImageTransform.apply` on the upright picture: Pillow's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from python_backends.shared import image_resize
from python_backends.shared.errors import ImageTooLarge, UndecodableImage
from python_backends.shared.image_batch import preprocess_image
from python_backends.shared.image_cut import cut_out
from python_backends.shared.image_decode import Decoded
from python_backends.shared.image_geometry import turn_upright
from python_backends.shared.image_transform import (
    ImageTransform,
    NoResize,
    Resize,
    ResizeFilter,
    ShortestEdge,
    Stretch,
)
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import exif_with_orientation, largest_difference

MAX_PIXELS = 10_000_000
# In levels of 0 to 255; see resize_region.
TOLERANCE = 2
SIDES = st.integers(1, 70)
RESIZES = st.one_of(
    st.none(),
    st.just(NoResize()),
    st.builds(ShortestEdge, st.integers(1, 40)),
    st.builds(Stretch, st.integers(1, 40), st.integers(1, 40)),
)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """Colours that change everywhere, and differ from all their turned selves."""
    row, column = np.mgrid[0:height, 0:width]
    waves = [np.sin(row / 31 + 2), np.sin(column / 47), np.sin((row + 2 * column) / 67)]
    return np.asarray(np.stack(waves, axis=-1) * 100 + 128, np.uint8)


def noisy(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def upright(pixels: NDArray[np.uint8], orientation: int = 1) -> Decoded:
    """Pixels as a file of that orientation has them."""
    height, width = turn_upright(pixels, orientation).shape[:2]
    return Decoded(pixels, height, width, orientation)


TRANSFORMS = st.builds(ImageTransform, SIDES, SIDES, resize=RESIZES, is_grayscale=st.booleans())


@settings(max_examples=300, deadline=None)
@given(TRANSFORMS, SIDES, SIDES, st.integers(1, 8), st.integers(0, 9))
def test_only_what_is_cut_out_is_resized_and_no_pixel_is_more_than_rounding_off(
    transform: ImageTransform, height: int, width: int, orientation: int, seed: int
) -> None:
    stored = noisy(height, width, seed)

    pixels = cut_out(upright(stored, orientation), transform)

    expected = transform.apply(np.ascontiguousarray(turn_upright(stored, orientation)))
    assert pixels.dtype == np.uint8
    assert largest_difference(pixels, expected) <= TOLERANCE
    assert np.abs(pixels.astype(int) - expected).mean() <= 1


@pytest.mark.parametrize("resize_filter", ResizeFilter)
def test_every_filter_is_pillows(resize_filter: ResizeFilter) -> None:
    picture = smooth(90, 140)
    transform = ImageTransform(24, 24, resize_filter, ShortestEdge(30))

    pixels = cut_out(upright(picture), transform)

    # NEAREST picks another neighbour where it has to choose between two.
    assert largest_difference(pixels, transform.apply(picture)) <= 6


@pytest.mark.parametrize("resize", [None, ShortestEdge(30)])
def test_without_cykooz_resizer_pillow_does_the_same(
    monkeypatch: pytest.MonkeyPatch, resize: Resize | None
) -> None:
    picture = noisy(90, 140, 1)
    transform = ImageTransform(24, 24, resize=resize)
    with_it = cut_out(upright(picture), transform)
    monkeypatch.setattr(image_resize, "cykooz_resizer", None)

    assert largest_difference(cut_out(upright(picture), transform), with_it) <= 2


def test_a_wide_and_low_picture_is_not_blown_up_beyond_what_is_cut_out() -> None:
    line = noisy(1, 200_000, 0)

    pixels = cut_out(upright(line), ImageTransform(64, 64, resize=ShortestEdge(64)))

    assert pixels.shape == (64, 64, 3)  # the whole would have 800 megapixels


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("resize", [None, ShortestEdge(40)])
@pytest.mark.parametrize("margin", [1.0, 2.0, 3.0])
def test_a_reduced_jpeg_of_odd_sides_lies_where_the_whole_one_does(
    resize: Resize | None, orientation: int, margin: float
) -> None:
    exif = exif_with_orientation(orientation)
    data = encoded(Image.fromarray(smooth(483, 611)), quality=95, exif=exif)
    exact = ImageTransform(36, 36, resize=resize)
    quick = replace(exact, quick_margin=margin)

    pixels = preprocess_image(data, quick, max_pixels=MAX_PIXELS)

    difference = np.abs(pixels.astype(int) - preprocess_image(data, exact, max_pixels=MAX_PIXELS))
    # Half a reduced pixel aside would be ten levels. The last row's are partly made of padding.
    assert difference.max() <= 6
    assert difference.mean() < 0.6


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "CMYK", "sloppy"])
def test_what_pillow_decodes_is_resized_the_quick_way_too(kind: str) -> None:
    picture = Image.fromarray(smooth(300, 400))
    if kind == "CMYK":
        data = encoded(picture.convert("CMYK"))
    elif kind == "sloppy":
        data = encoded(picture)
        data = data[:-2] + bytes(4) + data[-2:]
    else:
        data = encoded(picture, kind)
    exact = ImageTransform(32, 32)

    pixels = preprocess_image(data, replace(exact, quick_margin=2.0), max_pixels=MAX_PIXELS)

    expected = preprocess_image(data, exact, max_pixels=MAX_PIXELS)
    assert largest_difference(pixels, expected) <= 1


def test_a_truncated_jpeg_is_refused_also_where_it_would_be_reduced() -> None:
    data = encoded(Image.fromarray(smooth(800, 800)))

    with pytest.raises(UndecodableImage):
        preprocess_image(
            data[: len(data) // 2], ImageTransform(32, 32, quick_margin=2.0), max_pixels=MAX_PIXELS
        )


def test_the_whole_picture_counts_against_the_limit_and_so_does_the_resized_one() -> None:
    large = encoded(Image.fromarray(smooth(800, 800)))
    line = encoded(Image.fromarray(smooth(1, 4000)), "PNG")
    quick = ImageTransform(32, 32, resize=ShortestEdge(32), quick_margin=2.0)

    with pytest.raises(ImageTooLarge, match="800 x 800"):
        preprocess_image(large, quick, max_pixels=639_999)
    with pytest.raises(ImageTooLarge, match="resized it has"):
        preprocess_image(line, quick, max_pixels=1_000_000)
