from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from python_backends.shared.image_transform import ImageTransform, ResizeFilter
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
