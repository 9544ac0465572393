from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from python_backends.shared.contract import STATUS, TEXT, Status, TensorSpec
from python_backends.shared.errors import ModelAssetError
from python_backends.text_preprocess.model import TritonPythonModel
from tests.fakes.fake_pb_utils import InferenceRequest, TritonError
from tests.unit.python_backends.loading import initialize_arguments, output, request
from tests.unit.python_backends.small_tokenizer import LENGTH, small_tokenizer

pytestmark = pytest.mark.usefixtures("triton_log")

PARAMETERS = {"max_text_bytes": "40"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.json").write_text(small_tokenizer().to_str())
    return tmp_path


def load_model(
    folder: Path, parameters: dict[str, str], *, ids: int = LENGTH, mask: int = LENGTH
) -> TritonPythonModel:
    model = TritonPythonModel()
    outputs = [
        TensorSpec("INPUT_IDS", "INT64", (ids,)),
        TensorSpec("ATTENTION_MASK", "INT64", (mask,)),
        STATUS,
    ]
    model.initialize(
        initialize_arguments(folder, inputs=[TEXT], outputs=outputs, parameters=parameters)
    )
    return model


def text_request(*texts: bytes) -> InferenceRequest:
    batch = np.empty((len(texts), 1), np.object_)
    batch[:, 0] = texts
    return request(TEXT=batch)


def test_texts_become_ids_and_a_mask_each_with_its_status(folder: Path) -> None:
    model = load_model(folder, PARAMETERS)

    first, second = model.execute(
        [text_request(b"red sky", b"\xff", b"red " * 11), text_request(b"red " * 10)]
    )

    assert output(first, "INPUT_IDS").tolist()[0] == [2, 4, 7, 3, 0, 0, 0, 0]
    assert output(first, "ATTENTION_MASK").tolist()[0] == [1, 1, 1, 1, 0, 0, 0, 0]
    assert output(first, "STATUS").tolist() == [
        [Status.OK],
        [Status.UNDECODABLE],
        [Status.TOO_LARGE],
    ]
    assert output(second, "STATUS").tolist() == [[Status.TRUNCATED]]
    assert output(second, "INPUT_IDS").shape == (1, LENGTH)
    assert output(second, "INPUT_IDS").dtype == np.int64


def test_a_request_without_a_text_is_refused_alone(folder: Path) -> None:
    good, bad = load_model(folder, PARAMETERS).execute([text_request(b"red"), request()])

    assert output(good, "STATUS").tolist() == [[Status.OK]]
    assert bad.error().code() == TritonError.INVALID_ARG


def test_a_model_without_its_tokenizer_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ModelAssetError, match="cannot read the tokenizer"):
        load_model(tmp_path, PARAMETERS)


def test_a_model_whose_tokenizer_has_another_length_does_not_load(folder: Path) -> None:
    with pytest.raises(ModelAssetError, match=r"config\.pbtxt says 16"):
        load_model(folder, PARAMETERS, ids=16, mask=16)


def test_a_model_whose_two_tensors_differ_in_length_does_not_load(folder: Path) -> None:
    with pytest.raises(ModelAssetError, match="INPUT_IDS and ATTENTION_MASK differ in length"):
        load_model(folder, PARAMETERS, mask=4)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({}, "'max_text_bytes'"), ({"max_text_bytes": "lots"}, "'lots'")],
)
def test_a_model_with_wrong_parameters_does_not_load(
    folder: Path, parameters: dict[str, str], reason: str
) -> None:
    with pytest.raises(ModelAssetError, match=reason):
        load_model(folder, parameters)
