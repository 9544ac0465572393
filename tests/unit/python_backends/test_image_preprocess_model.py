from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from python_backends.image_preprocess.model import TritonPythonModel
from python_backends.shared.contract import IMAGE, STATUS, Status, TensorSpec
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.image_transform import ImageTransform, ResizeFilter
from tests.fakes.fake_pb_utils import TritonError
from tests.pictures import encoded
from tests.unit.python_backends.loading import (
    image_request,
    initialize_arguments,
    output,
    request,
)
from tests.unit.python_backends.small_pictures import small_picture

pytestmark = pytest.mark.usefixtures("triton_log")

PARAMETERS = {"resize_filter": "bicubic", "max_pixels": "2000"}


@contextmanager
def loaded_model(parameters: dict[str, str]) -> Iterator[TritonPythonModel]:
    model = TritonPythonModel()
    model.initialize(
        initialize_arguments(
            Path("/models/digits_r1_preprocess"),
            inputs=[IMAGE],
            outputs=[TensorSpec("PIXELS", "UINT8", (8, 12, 3)), STATUS],
            parameters=parameters,
        )
    )
    try:
        yield model
    finally:
        model.finalize()


def test_images_become_pixels_of_the_size_and_filter_that_the_config_names() -> None:
    with loaded_model(PARAMETERS) as model:
        first, second = model.execute(
            [
                image_request(encoded(small_picture(), "PNG"), b"no image"),
                image_request(encoded(small_picture().resize((100, 100)), "PNG")),
            ]
        )

    expected = ImageTransform(8, 12, ResizeFilter.BICUBIC).apply(np.asarray(small_picture()))
    np.testing.assert_array_equal(output(first, "PIXELS")[0], expected)
    assert output(first, "STATUS").tolist() == [[Status.OK], [Status.UNDECODABLE]]
    assert output(second, "STATUS").tolist() == [[Status.TOO_LARGE]]
    assert output(second, "PIXELS").shape == (1, 8, 12, 3)


def test_a_request_without_an_image_is_refused_alone() -> None:
    with loaded_model(PARAMETERS) as model:
        good, bad = model.execute([image_request(encoded(small_picture(), "JPEG")), request()])

    assert output(good, "STATUS").tolist() == [[Status.OK]]
    assert bad.error().code() == TritonError.INVALID_ARG


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"max_pixels": "2000"}, "'resize_filter'"),
        ({"resize_filter": "bilinear"}, "'max_pixels'"),
        ({"resize_filter": "bilinear", "max_pixels": "lots"}, "'lots'"),
        ({**PARAMETERS, "max_pixels": "0"}, "'max_pixels' is '0'"),
        ({**PARAMETERS, "decode_processes": "0"}, "'decode_processes' is '0'"),
        ({**PARAMETERS, "decode_deadline_ms": "soon"}, "'decode_deadline_ms' is 'soon'"),
        ({**PARAMETERS, "decode_memory_bytes": "-1"}, "'decode_memory_bytes' is '-1'"),
        ({"resize_filter": "sharpest", "max_pixels": "1"}, "no such resize_filter: 'sharpest'"),
    ],
)
def test_a_model_with_wrong_parameters_does_not_load(
    parameters: dict[str, str], reason: str
) -> None:
    with pytest.raises(ModelAssetError, match=reason), loaded_model(parameters):
        pass
