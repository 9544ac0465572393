"""What the fakes of CuPy, nvImageCodec and CUDA sessions stand for, and both ways of a release.

To be run from .venv-gpu (`make gpu-standin`, docs/gpu.md).
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pictures import COMMON_SIZE, jpeg
from python_backends.image_preprocess.card_gate import AUTO, find_card_way
from python_backends.onnxruntime.cuda_network import CudaNetwork
from python_backends.onnxruntime.network import Network
from python_backends.shared import cuda
from python_backends.shared.contract import TensorSpec
from python_backends.shared.image_batch import preprocess_images
from python_backends.shared.image_transform import QUICK_MARGIN, ImageTransform
from tests.pictures import PROJECT
from triptych.release import read_release
from triptych.routing import ReleaseName
from triptych.stack.solo_triton import solo_triton

DIGITS = ReleaseName("digits", 1)
MODEL = PROJECT / "model_repository" / "digits_r1_model" / "1" / "model.onnx"
PIXELS = TensorSpec("PIXELS", "UINT8", (48, 48, 3))
LOGITS = TensorSpec("LOGITS", "FP32", (10,))
MAX_PIXELS = 50_000_000
LARGEST = 32


@pytest.fixture(scope="module")
def card() -> cuda.Card:
    card = cuda.find_card(0)
    assert card is not None
    return card


def pixels(items: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(items).integers(0, 256, (items, *PIXELS.shape), np.uint8)


def test_arrays_on_the_card_do_what_the_fake_does(card: cuda.Card) -> None:
    host = np.arange(6, dtype=np.uint8).reshape(3, 2)
    taken, made = card.take(host), card.zeros((3, 2), np.uint8)

    made[:2] = taken[:2]
    made[[2, 0]] = card.take(np.full((2, 2), 9, np.uint8))
    joined = cuda.join([host, made])

    assert cuda.is_on_card(joined)
    assert cuda.to_host(joined).tolist() == [[0, 1], [2, 3], [4, 5], [9, 9], [2, 3], [9, 9]]
    with pytest.raises(TypeError):
        made[:] = host
    assert cuda.to_host(cuda.from_dlpack(made)).tolist()[1] == [2, 3]


@pytest.mark.parametrize("has_graphs", [True, False])
def test_every_batch_is_answered_as_on_the_processor(card: cuda.Card, has_graphs: bool) -> None:
    on_processor = Network(MODEL)
    on_card = CudaNetwork(MODEL, card, ([PIXELS], [LOGITS]), largest=LARGEST, has_graphs=has_graphs)

    for items in (1, 2, 3, 8, 31, 32, 1):
        feeds = {"PIXELS": pixels(items)}
        (expected,) = on_processor.infer(feeds, ["LOGITS"])
        for sent in (feeds["PIXELS"], card.take(feeds["PIXELS"])):
            (logits,) = on_card.infer({"PIXELS": sent}, ["LOGITS"])
            np.testing.assert_allclose(logits, expected, atol=1e-2)


def test_golden_inputs_come_out_of_both_ways_with_the_same_label() -> None:
    release = read_release(PROJECT / "model_repository", DIGITS)
    golden = [it.file.read_bytes() for it in release.golden]
    golden += [jpeg(*COMMON_SIZE, seed) for seed in range(4)]
    transform = ImageTransform(48, 48, quick_margin=QUICK_MARGIN)
    otherwise = partial(preprocess_images, transform=transform, max_pixels=MAX_PIXELS)
    way = find_card_way(AUTO, transform, golden, max_pixels=MAX_PIXELS, on_processor=otherwise)
    assert way is not None, "the log says why"
    batch = np.empty((len(golden), 1), np.object_)
    batch[:, 0] = golden

    on_card, states = way.preprocess(batch)

    expected, expected_states = otherwise(batch)
    assert cuda.is_on_card(on_card)
    assert states.tolist() == expected_states.tolist()
    labels = [
        Network(MODEL).infer({"PIXELS": cuda.to_host(it)}, ["LOGITS"])[0].argmax(axis=1).tolist()
        for it in (on_card, expected)
    ]
    assert labels[0] == labels[1]


def test_a_release_served_on_the_card_gives_the_golden_labels(tmp_path: Path) -> None:
    for model in (PROJECT / "model_repository").glob("digits_r1*"):
        shutil.copytree(model, tmp_path / model.name)
    for step, name, value in (
        ("preprocess", "quick_margin", "2"),
        ("model", "FORCE_CPU_ONLY_INPUT_TENSORS", "no"),
    ):
        with (tmp_path / f"digits_r1_{step}" / "config.pbtxt").open("a") as config:
            config.write(f'parameters {{ key: "{name}" value: {{ string_value: "{value}" }} }}\n')

    with solo_triton(tmp_path, [DIGITS]) as triton:
        release = read_release(tmp_path, DIGITS)
        items = [it.file.read_bytes() for it in release.golden]
        answers = triton.classify(str(DIGITS), release.task, items, 30)
        group = triton.model_config("digits_r1_model", 10)["instance_group"]

    assert [it.labels[0] for it in answers] == [it.label for it in release.golden]
    assert [it["kind"] for it in group] == ["KIND_GPU"]
