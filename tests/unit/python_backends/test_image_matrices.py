"""Resizing by matrices is held against Pillow, on arrays of NumPy's in place of a card's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.pictures import jpeg
from python_backends.shared import image_cut
from python_backends.shared.image_decode import Decoded
from python_backends.shared.image_geometry import turn_upright
from python_backends.shared.image_matrices import cut_out, has_kernel, reduce
from python_backends.shared.image_transform import (
    ImageTransform,
    NoResize,
    ResizeFilter,
    ShortestEdge,
    Stretch,
)
from tests.unit.python_backends.small_pictures import largest_difference

SIDES = st.integers(1, 70)
RESIZES = st.one_of(
    st.none(),
    st.just(NoResize()),
    st.builds(ShortestEdge, st.integers(1, 40)),
    st.builds(Stretch, st.integers(1, 40), st.integers(1, 40)),
)
FILTERS = st.sampled_from([ResizeFilter.BILINEAR, ResizeFilter.BICUBIC, ResizeFilter.LANCZOS])
TRANSFORMS = st.builds(
    ImageTransform, SIDES, SIDES, FILTERS, resize=RESIZES, is_grayscale=st.booleans()
)


def noisy(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def as_stored(pixels: NDArray[np.uint8], orientation: int = 1, eighths: int = 8) -> Decoded:
    """Pixels as a file of that orientation has them, decoded smaller as a card does it."""
    height, width = turn_upright(pixels, orientation).shape[:2]
    return Decoded(reduce(np, pixels, eighths), height, width, orientation, eighths)


@given(TRANSFORMS, SIDES, SIDES, st.integers(0, 99), st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_without_overshoot_a_picture_is_what_pillow_makes_of_it_or_two_levels_off(
    transform: ImageTransform, height: int, width: int, seed: int, orientation: int
) -> None:
    # The others overshoot black or white, and Pillow's cut between its passes may fall elsewhere.
    transform = replace(transform, resize_filter=ResizeFilter.BILINEAR)
    stored = noisy(height, width, seed)

    made = cut_out(np, as_stored(stored, orientation), transform)

    expected = transform.apply(np.ascontiguousarray(turn_upright(stored, orientation)))
    assert largest_difference(made, expected) <= 2


@given(TRANSFORMS, SIDES, SIDES, st.integers(1, 8), st.sampled_from([1, 2, 4]))
@settings(max_examples=100, deadline=None)
def test_of_a_picture_that_was_decoded_smaller_it_is_what_the_processor_makes(
    transform: ImageTransform, height: int, width: int, orientation: int, eighths: int
) -> None:
    decoded = as_stored(noisy(height, width, 7), orientation, eighths)

    made = cut_out(np, decoded, transform)

    off = np.abs(made.astype(int) - image_cut.cut_out(decoded, transform))
    assert off.mean() <= 1  # one pixel of noise may be further off: both round what overshoots


@pytest.mark.parametrize("eighths", [1, 2, 4, 8])
def test_a_picture_is_reduced_as_its_decoder_would_have_done(eighths: int) -> None:
    image = jpeg(500, 375, 1)
    rows, columns = (-(-side * eighths // 8) for side in (375, 500))

    reduced = reduce(np, simplejpeg.decode_jpeg(image), eighths)

    expected = simplejpeg.decode_jpeg(image, min_height=rows, min_width=columns)
    assert reduced.shape == expected.shape
    assert np.abs(reduced.astype(int) - expected).mean() < 1


@pytest.mark.parametrize("kind", ResizeFilter)
def test_filters_that_a_quick_release_never_has_are_not_here(kind: ResizeFilter) -> None:
    transform = replace(ImageTransform(8, 8), resize_filter=kind)

    assert has_kernel(transform) is (kind.name in {"BILINEAR", "BICUBIC", "LANCZOS"})
