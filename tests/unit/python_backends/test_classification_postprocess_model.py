from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from python_backends.classification_postprocess.model import TritonPythonModel, read_labels
from python_backends.shared.contract import STATUS, Status, TensorSpec
from python_backends.shared.errors import ModelAssetError
from tests.fakes.fake_pb_utils import TritonError
from tests.unit.python_backends.loading import initialize_arguments, output, request

pytestmark = pytest.mark.usefixtures("triton_log")

THREE_LABELS = "cat\ndog\nkøter\n"


def load_model(folder: Path, *, labels: str, top: int = 2) -> TritonPythonModel:
    (folder / "labels.txt").write_text(labels, encoding="utf-8")
    model = TritonPythonModel()
    model.initialize(
        initialize_arguments(
            folder,
            inputs=[TensorSpec("LOGITS", "FP32", (3,)), STATUS],
            outputs=[
                TensorSpec("LABEL", "BYTES", (top,)),
                TensorSpec("SCORE", "FP32", (top,)),
                STATUS,
            ],
        )
    )
    return model


def test_logits_become_labels_and_scores_and_refused_items_stay_blank(tmp_path: Path) -> None:
    model = load_model(tmp_path, labels=THREE_LABELS)
    logits = np.array([[0, 1, 5], [9, 0, 0]], np.float32)
    status = np.array([[Status.OK], [Status.UNDECODABLE]], np.uint8)

    (response,) = model.execute([request(LOGITS=logits, STATUS=status)])

    assert output(response, "LABEL").tolist() == [["køter".encode(), b"dog"], [b"", b""]]
    assert output(response, "SCORE")[0, 0] == pytest.approx(0.9756, abs=1e-4)
    assert output(response, "SCORE")[1].tolist() == [0, 0]
    assert output(response, "STATUS").tolist() == status.tolist()


def test_a_request_without_status_is_refused_alone(tmp_path: Path) -> None:
    logits = np.zeros((1, 3), np.float32)

    bad, good = load_model(tmp_path, labels=THREE_LABELS).execute(
        [request(LOGITS=logits), request(LOGITS=logits, STATUS=np.zeros((1, 1), np.uint8))]
    )

    assert bad.error().code() == TritonError.INVALID_ARG
    assert output(good, "LABEL").tolist() == [[b"cat", b"dog"]]


@pytest.mark.parametrize("labels", ["cat\ndog\n", "cat\ndog\nbird\nfish\n", "cat\n\n"])
def test_a_model_whose_labels_do_not_fit_its_classes_does_not_load(
    tmp_path: Path, labels: str
) -> None:
    with pytest.raises(ModelAssetError, match="labels, 3 classes, top 2"):
        load_model(tmp_path, labels=labels)


@pytest.mark.parametrize("top", [0, 4])
def test_a_model_that_would_answer_an_impossible_number_of_labels_does_not_load(
    tmp_path: Path, top: int
) -> None:
    with pytest.raises(ModelAssetError, match=f"top {top}"):
        load_model(tmp_path, labels=THREE_LABELS, top=top)


def test_a_model_without_labels_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ModelAssetError, match=r"labels\.txt holds no label"):
        load_model(tmp_path, labels="")
    with pytest.raises(ModelAssetError, match="cannot read the labels"):
        read_labels(tmp_path / "absent.txt")


def test_labels_that_are_not_utf8_do_not_load(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"caf\xe9\n")

    with pytest.raises(ModelAssetError, match="cannot read the labels"):
        read_labels(tmp_path / "labels.txt")
