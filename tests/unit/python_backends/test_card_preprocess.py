"""Decoding on a card, with fakes of CuPy and nvImageCodec: who decodes what, and when."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from python_backends.image_preprocess.card_gate import (
    AUTO,
    PROCESSOR,
    CardRefused,
    find_card_way,
    golden_images,
    prove,
)
from python_backends.image_preprocess.card_preprocess import CardPreprocess
from python_backends.image_preprocess.model import TritonPythonModel
from python_backends.shared.contract import IMAGE, STATUS, Status, TensorSpec
from python_backends.shared.cuda import from_dlpack, is_on_card, to_host
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.image_batch import preprocess_images
from python_backends.shared.image_transform import ImageTransform, ResizeFilter
from tests.fakes.fake_cupy import install_fake_cupy
from tests.fakes.fake_nvimgcodec import FakeCodec, install_fake_nvimgcodec
from tests.fakes.fake_pb_utils import LogLine
from tests.pictures import encoded
from tests.unit.python_backends.loading import image_request, initialize_arguments, output
from tests.unit.python_backends.small_pictures import exif_with_orientation, small_picture

QUICK = ImageTransform(8, 12, quick_margin=2)
MAX_PIXELS = 2000
JPEG = encoded(small_picture(), quality=95)
LYING = encoded(small_picture(), quality=95, exif=exif_with_orientation(6))
PNG = encoded(small_picture(), "PNG")
LARGE = encoded(small_picture().resize((100, 100)))
PARAMETERS = {"resize_filter": "bilinear", "max_pixels": "2000", "quick_margin": "2"}

on_processor = partial(preprocess_images, transform=QUICK, max_pixels=MAX_PIXELS)
find_way = partial(find_card_way, max_pixels=MAX_PIXELS, on_processor=on_processor)


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> FakeCodec:
    install_fake_cupy(monkeypatch)
    return install_fake_nvimgcodec(monkeypatch)


def way() -> CardPreprocess:
    found = find_way(AUTO, QUICK, [JPEG])
    assert found is not None
    return found


def batch(*images: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.object_]]:
    made = np.empty((len(images), 1), np.object_)
    made[:, 0] = images
    return made


def test_the_jpegs_of_a_batch_are_decoded_at_once_and_all_else_by_the_processor(
    codec: FakeCodec,
) -> None:
    images = batch(JPEG, PNG, b"no image", LYING, LARGE, JPEG)
    on_card = way()
    codec.batches.clear()

    pixels, status = on_card.preprocess(images)

    expected, states = on_processor(images)
    assert codec.batches == [3]
    assert is_on_card(pixels)
    assert status.tolist() == states.tolist()
    assert status[:, 0].tolist() == [
        *(Status.OK, Status.OK, Status.UNDECODABLE),
        *(Status.OK, Status.TOO_LARGE, Status.OK),
    ]
    difference = np.abs(to_host(pixels).astype(int) - expected)
    assert difference.max() <= 2


def test_a_batch_without_a_jpeg_never_sees_the_card(codec: FakeCodec) -> None:
    on_card = way()
    codec.batches.clear()

    pixels, status = on_card.preprocess(batch(PNG, b"no image"))

    assert codec.batches == []
    assert not is_on_card(pixels)
    assert status.tolist() == [[Status.OK], [Status.UNDECODABLE]]


def test_a_jpeg_that_the_card_cannot_decode_is_judged_by_the_processor(codec: FakeCodec) -> None:
    broken = JPEG.replace(b"\xff\xdb", b"\xff\xfe")  # without its quantisation tables

    pixels, status = way().preprocess(batch(JPEG, broken))

    assert status.tolist() == [[Status.OK], [Status.UNDECODABLE]]
    assert is_on_card(pixels)
    assert codec.batches[-1] == 2


def test_a_jpeg_whose_orientation_cannot_be_read_is_judged_by_the_processor(
    codec: FakeCodec,
) -> None:
    start = LYING.index(b"\xff\xdb")
    odd = LYING[:start] + b"\xff\xdb\x00\x43\x90" + LYING[start + 5 :]
    on_card = way()
    codec.batches.clear()

    _, status = on_card.preprocess(batch(odd, JPEG))

    assert codec.batches == [1]
    assert status[1, 0] == Status.OK
    assert status.tolist() == on_processor(batch(odd, JPEG))[1].tolist()


@pytest.mark.usefixtures("codec")
def test_a_line_that_grows_without_bound_is_refused_as_ever() -> None:
    line = encoded(small_picture().resize((400, 1)))
    transform = ImageTransform.from_parameters(
        8, 12, {**PARAMETERS, "resize": "shortest_edge", "resize_pixels": "8"}
    )
    otherwise = partial(preprocess_images, transform=transform, max_pixels=MAX_PIXELS)
    found = find_card_way(AUTO, transform, [JPEG], max_pixels=MAX_PIXELS, on_processor=otherwise)
    assert found is not None

    _, status = found.preprocess(batch(line))

    assert status.tolist() == [[Status.TOO_LARGE]]


@pytest.mark.parametrize(
    ("where", "transform", "golden"),
    [
        (PROCESSOR, QUICK, [JPEG]),
        (AUTO, ImageTransform(8, 12), [JPEG]),
        (AUTO, ImageTransform(8, 12, ResizeFilter.BOX, quick_margin=2), [JPEG]),
        (AUTO, QUICK, []),
        (AUTO, QUICK, [PNG, LARGE, b"no image"]),
    ],
    ids=["not wanted", "to the bit", "another filter", "unproven", "only what it does not take"],
)
@pytest.mark.usefixtures("codec")
def test_the_card_is_left_alone(where: str, transform: ImageTransform, golden: list[bytes]) -> None:
    assert find_way(where, transform, golden) is None


def test_a_card_whose_pixels_differ_is_refused(
    codec: FakeCodec, caplog: pytest.LogCaptureFixture
) -> None:
    codec.brighter = 4

    assert find_way(AUTO, QUICK, [PNG, JPEG]) is None

    assert "golden input 1: " in caplog.text
    assert "levels beside it" in caplog.text


def test_a_card_that_fails_its_proof_is_refused(
    codec: FakeCodec, caplog: pytest.LogCaptureFixture
) -> None:
    codec.fails_with = RuntimeError("CUDA error 700")

    assert find_way(AUTO, QUICK, [JPEG]) is None

    assert "CUDA error 700" in caplog.text


@pytest.mark.usefixtures("codec")
def test_a_card_that_takes_what_the_processor_refuses_is_refused() -> None:
    refusing = partial(preprocess_images, transform=QUICK, max_pixels=1)

    with pytest.raises(CardRefused, match="golden input 0: the processor says 3 of it"):
        prove(way(), refusing, [JPEG])


def test_without_a_card_or_its_packages_all_is_as_ever() -> None:
    assert find_way(AUTO, QUICK, [JPEG]) is None


def test_without_nvimagecodec_all_is_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_cupy(monkeypatch)

    assert find_way(AUTO, QUICK, [JPEG]) is None


def release_with_golden(folder: Path) -> Path:
    golden = folder / "digits_r2" / "golden"
    golden.mkdir(parents=True)
    (golden / "b.png").write_bytes(PNG)
    (golden / "a.jpg").write_bytes(JPEG)
    return folder / "digits_r2_preprocess"


def test_the_golden_inputs_are_those_of_the_release(tmp_path: Path) -> None:
    assert golden_images(release_with_golden(tmp_path)) == [JPEG, PNG]
    assert golden_images(tmp_path / "other_r1_preprocess") == []


def loaded(tmp_path: Path, **parameters: str) -> TritonPythonModel:
    model = TritonPythonModel()
    model.initialize(
        initialize_arguments(
            release_with_golden(tmp_path),
            inputs=[IMAGE],
            outputs=[TensorSpec("PIXELS", "UINT8", (8, 12, 3)), STATUS],
            parameters={**PARAMETERS, **parameters},
        )
    )
    return model


@pytest.mark.usefixtures("codec", "triton_log")
def test_the_step_hands_over_pixels_on_the_card_to_each_request_its_own(tmp_path: Path) -> None:
    model = loaded(tmp_path)
    try:
        first, second = model.execute([image_request(JPEG, PNG), image_request(LYING)])
    finally:
        model.finalize()

    expected, _ = on_processor(batch(JPEG, PNG, LYING))
    for response, rows in ((first, slice(0, 2)), (second, slice(2, 3))):
        (pixels,) = (it for it in response.output_tensors() if it.name() == "PIXELS")
        assert not pixels.is_cpu()
        difference = np.abs(to_host(from_dlpack(pixels)).astype(int) - expected[rows])
        assert difference.max() <= 2
        assert output(response, "STATUS").tolist() == [[Status.OK]] * (rows.stop - rows.start)


def test_a_card_that_fails_later_costs_no_request_and_is_not_asked_again(
    codec: FakeCodec, tmp_path: Path, triton_log: list[LogLine]
) -> None:
    model = loaded(tmp_path)
    codec.fails_with = RuntimeError("CUDA error 700")
    try:
        (first,) = model.execute([image_request(JPEG)])
        codec.fails_with = None
        codec.batches.clear()
        (second,) = model.execute([image_request(JPEG)])
    finally:
        model.finalize()

    assert output(first, "PIXELS").tolist() == output(second, "PIXELS").tolist()
    assert codec.batches == []
    assert [line.text.splitlines()[0] for line in triton_log if line.level == "error"] == [
        "ERROR:python_backends.image_preprocess.model:"
        "the card failed: from now on the processor decodes"
    ]


@pytest.mark.usefixtures("codec", "triton_log")
def test_a_release_may_keep_to_the_processor(tmp_path: Path) -> None:
    model = loaded(tmp_path, decode_on="cpu")
    try:
        (response,) = model.execute([image_request(JPEG)])
    finally:
        model.finalize()

    assert output(response, "STATUS").tolist() == [[Status.OK]]


@pytest.mark.usefixtures("triton_log")
def test_nobody_decodes_on_anything_else(tmp_path: Path) -> None:
    with pytest.raises(ModelAssetError, match="'decode_on' is 'tpu'"):
        loaded(tmp_path, decode_on="tpu")
