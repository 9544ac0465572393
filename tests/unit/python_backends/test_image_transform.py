from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from python_backends.shared.image_transform import (
    ImageTransform,
    NoResize,
    Resize,
    ResizeFilter,
    ShortestEdge,
    Stretch,
)
from tests.unit.python_backends.small_pictures import small_picture


@pytest.mark.parametrize("resize_filter", ResizeFilter)
def test_resizing_is_pillows_with_the_named_filter(resize_filter: ResizeFilter) -> None:
    transform = ImageTransform(height_pixels=7, width_pixels=11, resize_filter=resize_filter)

    pixels = transform.apply(np.asarray(small_picture()))

    expected = small_picture().resize((11, 7), Image.Resampling[resize_filter.name])
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.asarray(expected))


def test_height_comes_before_width_and_the_picture_is_stretched_not_cropped() -> None:
    red_edge = np.zeros((10, 30, 3), np.uint8)
    red_edge[:, -3:, 0] = 255

    pixels = ImageTransform(8, 4).apply(red_edge)

    assert pixels.shape == (8, 4, 3)
    assert pixels[:, -1, 0].min() > 60


def test_shrinking_averages_so_that_fine_lines_do_not_vanish() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255

    pixels = ImageTransform(4, 4).apply(stripes)

    np.testing.assert_allclose(pixels, 127, atol=20)


def test_one_pixel_can_be_enlarged() -> None:
    pixels = ImageTransform(3, 2).apply(np.array([[[1, 2, 3]]], np.uint8))

    assert pixels.tolist() == [[[1, 2, 3]] * 2] * 3


def test_a_turned_view_is_resized_as_its_contiguous_copy_is() -> None:
    turned = np.asarray(small_picture()).transpose(1, 0, 2)[::-1]

    pixels = ImageTransform(5, 5).apply(turned)

    np.testing.assert_array_equal(pixels, ImageTransform(5, 5).apply(turned.copy()))


def rows(height: int, width: int) -> NDArray[np.uint8]:
    """A picture each of whose pixels says where it is: row, column, 200."""
    row, column = np.mgrid[0:height, 0:width]
    return np.asarray(np.stack([row, column, np.full_like(row, 200)], axis=-1), np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "resized"),
    [
        (30, 60, (10, 20)),
        (60, 30, (20, 10)),
        (30, 30, (10, 10)),
        (30, 31, (10, 10)),  # 10.33 rounded down
        (29, 17, (17, 10)),  # 17.06 rounded down
        (3, 299, (10, 996)),
        (2, 1, (20, 10)),
    ],
)
def test_the_shortest_edge_gets_its_length_and_the_other_is_rounded_down(
    height: int, width: int, resized: tuple[int, int]
) -> None:
    assert ShortestEdge(10).size_of(height, width) == resized


def test_the_middle_of_a_resized_picture_is_cut_out_as_pillow_would() -> None:
    picture = small_picture()  # 24 high, 40 wide
    transform = ImageTransform(8, 8, ResizeFilter.BICUBIC, ShortestEdge(12))

    pixels = transform.apply(np.asarray(picture))

    expected = picture.resize((20, 12), Image.Resampling.BICUBIC).crop((6, 2, 14, 10))
    np.testing.assert_array_equal(pixels, np.asarray(expected))


@pytest.mark.parametrize(
    ("height", "width", "top", "left"),
    [(10, 10, 3, 3), (11, 10, 3, 3), (10, 13, 3, 4), (4, 5, 0, 0), (5, 4, 0, 0)],
)
def test_half_an_odd_margin_is_rounded_down_so_the_cut_lies_up_and_left(
    height: int, width: int, top: int, left: int
) -> None:
    pixels = ImageTransform(4, 4, resize=NoResize()).apply(rows(height, width))

    np.testing.assert_array_equal(pixels, rows(height, width)[top : top + 4, left : left + 4])


@pytest.mark.parametrize(
    ("height", "width", "top", "left"), [(2, 2, 2, 2), (3, 4, 2, 1), (5, 5, 1, 1), (6, 3, 0, 2)]
)
def test_a_picture_smaller_than_the_cut_gets_black_the_larger_half_on_top_and_left(
    height: int, width: int, top: int, left: int
) -> None:
    pixels = ImageTransform(6, 6, resize=NoResize()).apply(rows(height, width))

    expected = np.zeros((6, 6, 3), np.uint8)
    expected[top : top + height, left : left + width] = rows(height, width)
    np.testing.assert_array_equal(pixels, expected)


def test_a_picture_may_be_smaller_one_way_and_larger_the_other() -> None:
    pixels = ImageTransform(4, 4, resize=NoResize()).apply(rows(2, 8))

    expected = np.zeros((4, 4, 3), np.uint8)
    expected[1:3] = rows(2, 8)[:, 2:6]
    np.testing.assert_array_equal(pixels, expected)


def test_a_stretched_picture_can_be_cut_out_of() -> None:
    transform = ImageTransform(4, 6, ResizeFilter.BILINEAR, Stretch(8, 10))

    pixels = transform.apply(np.asarray(small_picture()))

    expected = small_picture().resize((10, 8), Image.Resampling.BILINEAR).crop((2, 2, 8, 6))
    np.testing.assert_array_equal(pixels, np.asarray(expected))


def test_without_resizing_a_picture_of_the_right_size_is_left_alone() -> None:
    picture = np.asarray(small_picture())

    pixels = ImageTransform(24, 40, resize=NoResize()).apply(picture)

    np.testing.assert_array_equal(pixels, picture)


@pytest.mark.parametrize("resize", [None, ShortestEdge(12), NoResize(), Stretch(9, 9)])
def test_without_colour_all_three_channels_are_the_luma_that_is_resized(
    resize: Resize | None,
) -> None:
    grey = small_picture().convert("L")
    transform = ImageTransform(8, 8, resize=resize, is_grayscale=True)

    pixels = transform.apply(np.asarray(small_picture()))

    coloured = ImageTransform(8, 8, resize=resize).apply(np.asarray(grey.convert("RGB")))
    assert pixels.shape == (8, 8, 3)
    np.testing.assert_array_equal(pixels, coloured)
    assert not np.array_equal(
        pixels, ImageTransform(8, 8, resize=resize).apply(np.asarray(small_picture()))
    )


@pytest.mark.parametrize("quick_margin", [None, 1.0, 2.5])
@pytest.mark.parametrize("is_grayscale", [False, True])
@pytest.mark.parametrize("resize", [None, ShortestEdge(12), NoResize(), Stretch(9, 11)])
def test_what_goes_into_config_pbtxt_comes_out_the_same(
    resize: Resize | None, is_grayscale: bool, quick_margin: float | None
) -> None:
    transform = ImageTransform(8, 6, ResizeFilter.LANCZOS, resize, is_grayscale, quick_margin)

    parameters = transform.to_parameters()

    assert all(isinstance(value, str) for value in parameters.values())
    assert ImageTransform.from_parameters(8, 6, parameters) == transform


def test_what_is_usual_is_left_out_of_config_pbtxt() -> None:
    assert ImageTransform(8, 6).to_parameters() == {"resize_filter": "bilinear"}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"resize_filter": "sharpest"},
        {"resize_filter": "box", "resize": "none", "resize_pixels": "8"},
        {"resize_filter": "box", "resize": "shortest_edge"},
        {"resize_filter": "box", "resize": "shortest_edge", "resize_pixels": "0"},
        {"resize_filter": "box", "resize": "shortest_edge", "resize_pixels": "8x8"},
        {"resize_filter": "box", "resize": "stretch"},
        {"resize_filter": "box", "resize": "stretch", "resize_pixels": "8"},
        {"resize_filter": "box", "resize": "stretch", "resize_pixels": "0x8"},
        {"resize_filter": "box", "resize": "squeeze", "resize_pixels": "8"},
        {"resize_filter": "box", "resize_pixels": "8"},
        {"resize_filter": "box", "resize": "shortest_edge", "resize_pixels": "wide"},
        {"resize_filter": "box", "resize": "shortest_edge", "resize_pixels": "x8"},
        {"resize_filter": "box", "grayscale": "yes"},
        {"resize_filter": "box", "resize": "stretch", "resize_pixels": "8x"},
        {"resize_filter": "box", "quick_margin": "0.9"},
        {"resize_filter": "box", "quick_margin": "inf"},
        {"resize_filter": "box", "quick_margin": "nan"},
        {"resize_filter": "box", "quick_margin": "much"},
    ],
)
def test_parameters_without_a_meaning_are_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(
        ValueError, match=r"resize|invalid literal|grayscale|quick_margin|could not convert"
    ):
        ImageTransform.from_parameters(8, 8, parameters)
