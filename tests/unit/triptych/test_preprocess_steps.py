from __future__ import annotations

import pytest

from python_backends.shared.image_transform import (
    QUICK_MARGIN,
    ImageTransform,
    NoResize,
    ResizeFilter,
    ShortestEdge,
)
from triptych.export.preprocess_steps import ImageStep, TextStep, read_step


@pytest.mark.parametrize(
    "resize_filter", [ResizeFilter.BILINEAR, ResizeFilter.BICUBIC, ResizeFilter.LANCZOS]
)
def test_the_quick_step_says_so_in_its_parameters_and_its_certificate(
    resize_filter: ResizeFilter,
) -> None:
    exact = ImageStep(ImageTransform(8, 8, resize_filter, ShortestEdge(9)))

    quick = exact.quick()

    assert (exact.is_quick, quick.is_quick) == (False, True)
    assert quick.parameters() == {**exact.parameters(), "quick_margin": f"{QUICK_MARGIN:g}"}
    assert read_step({"task": quick.task, **quick.to_json()}, {}) == quick


@pytest.mark.parametrize(
    "transform",
    [
        ImageTransform(8, 8, ResizeFilter.NEAREST),
        ImageTransform(8, 8, ResizeFilter.BOX),
        ImageTransform(8, 8, resize=NoResize()),
    ],
)
def test_where_nothing_is_averaged_or_resized_nothing_is_quicker(transform: ImageTransform) -> None:
    assert ImageStep(transform).quick() == ImageStep(transform)


def test_a_text_step_has_no_quick_way() -> None:
    step = TextStep(8, b"{}")

    assert step.quick() is step
    assert not step.is_quick
