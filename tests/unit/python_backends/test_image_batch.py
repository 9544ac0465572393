from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.contract import Status
from python_backends.shared.errors import InvalidInput
from python_backends.shared.image_batch import STATUS_OF, preprocess_images
from python_backends.shared.image_decode import decode_image
from python_backends.shared.image_transform import ImageTransform, ShortestEdge
from python_backends.shared.text_batch import STATUS_OF as TEXT_STATUS_OF
from tests.pictures import encoded
from tests.unit.python_backends.small_pictures import small_picture

TRANSFORM = ImageTransform(6, 9)


def batch_of(*images: bytes) -> NDArray[np.object_]:
    """As Triton hands BYTES [1] over: [N, 1], object."""
    batch = np.empty((len(images), 1), np.object_)
    batch[:, 0] = images
    return batch


def test_each_bad_image_fails_alone_with_its_own_status_and_blank_pixels() -> None:
    good = encoded(small_picture(), "PNG")
    too_large = encoded(small_picture().resize((100, 100)), "PNG")
    gif = encoded(small_picture(), "GIF")

    pixels, status = preprocess_images(
        batch_of(good, b"no image", too_large, gif, b"", good), TRANSFORM, max_pixels=5000
    )

    assert status[:, 0].tolist() == [
        Status.OK,
        Status.UNDECODABLE,
        Status.TOO_LARGE,
        Status.UNSUPPORTED_FORMAT,
        Status.UNDECODABLE,
        Status.OK,
    ]
    expected = TRANSFORM.apply(decode_image(good, max_pixels=5000))
    np.testing.assert_array_equal(pixels[0], expected)
    np.testing.assert_array_equal(pixels[5], expected)
    assert not pixels[1:5].any()


def test_pixels_and_status_have_the_shapes_and_dtypes_of_the_contract() -> None:
    image = encoded(small_picture(), "JPEG")

    pixels, status = preprocess_images(batch_of(image, image), TRANSFORM, max_pixels=5000)

    assert pixels.shape == (2, 6, 9, 3)
    assert status.shape == (2, 1)
    assert pixels.dtype == np.uint8
    assert status.dtype == np.uint8


def test_an_empty_batch_is_answered_empty() -> None:
    pixels, status = preprocess_images(batch_of(), TRANSFORM, max_pixels=5000)

    assert pixels.shape == (0, 6, 9, 3)
    assert status.shape == (0, 1)


def test_every_kind_of_invalid_input_has_a_status_that_says_not_answered() -> None:
    assert STATUS_OF.keys() | TEXT_STATUS_OF.keys() == set(InvalidInput.__subclasses__())
    for statuses in (STATUS_OF, TEXT_STATUS_OF):
        assert not any(status.is_answered for status in statuses.values())
        assert len(set(statuses.values())) == len(statuses)


def test_a_line_of_pixels_that_resizing_would_blow_up_is_too_large() -> None:
    line = encoded(small_picture().resize((4000, 1)), "PNG")
    transform = ImageTransform(32, 32, resize=ShortestEdge(32))

    pixels, status = preprocess_images(batch_of(line), transform, max_pixels=1_000_000)

    assert status.tolist() == [[Status.TOO_LARGE]]
    assert not pixels.any()
