"""The loop runs what the release says: its decoder, its engine, its threads, its labels."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.comparison.same_code_floor import SameCodeFloor, loops_for
from python_backends.onnxruntime.network import Network as OnnxRuntimeNetwork
from python_backends.openvino.network import Network as OpenVinoNetwork

PROJECT = Path(__file__).resolve().parents[3]
SAMPLES = PROJECT / "examples" / "digits" / "samples"
OF_ONNXRUNTIME = 'parameters { key: "intra_op_thread_count" value: { string_value: "%s" } }'
OF_OPENVINO = 'parameters { key: "INFERENCE_NUM_THREADS" value: { string_value: "%s" } }'


def copy_of_digits(folder: Path) -> Path:
    for model in (PROJECT / "model_repository").glob("digits_r1*"):
        shutil.copytree(model, folder / model.name)
    return folder / "digits_r1"


def write_engine(release: Path, backend: str, parameter: str) -> None:
    file = release.with_name("digits_r1_model") / "config.pbtxt"
    kept = [it for it in file.read_text().splitlines() if not it.startswith(("backend", "param"))]
    named = [f'backend: "{backend}"', 'default_model_filename: "model.onnx"', parameter]
    file.write_text("\n".join([*kept, *named]))


@pytest.mark.parametrize(
    ("backend", "parameter", "kind"),
    [
        ("onnxruntime", OF_ONNXRUNTIME % 1, OnnxRuntimeNetwork),
        ("openvino", OF_OPENVINO % 1, OpenVinoNetwork),
    ],
)
def test_it_answers_a_batch_as_the_release_does_on_the_engine_that_it_names(
    tmp_path: Path, backend: str, parameter: str, kind: type
) -> None:
    release = copy_of_digits(tmp_path)
    write_engine(release, backend, parameter)
    files = [SAMPLES / "seven-blue-paper.jpg", SAMPLES / "five-ballpoint.jpg"]
    encoded = np.array([file.read_bytes() for file in files], np.object_).reshape(2, 1)

    floor = SameCodeFloor(release)

    assert isinstance(floor.network, kind)
    assert floor.classify(encoded)[:, 0].tolist() == [b"7", b"5"]


@pytest.mark.parametrize(("parameter", "margin"), [("", None), ("2", 2.0)])
def test_it_decodes_as_quickly_as_the_release_asks_for(
    tmp_path: Path, parameter: str, margin: float | None
) -> None:
    release = copy_of_digits(tmp_path)
    file = release.with_name("digits_r1_preprocess") / "config.pbtxt"
    if parameter:
        asked = f'parameters {{ key: "quick_margin" value: {{ string_value: "{parameter}" }} }}'
        file.write_text(f"{file.read_text()}\n{asked}\n")

    assert SameCodeFloor(release).transform.quick_margin == margin


@pytest.mark.parametrize(("threads", "loops"), [("1", 2), ("2", 1), ("0", 1)])
def test_loops_times_threads_are_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: str, loops: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    release = copy_of_digits(tmp_path)
    write_engine(release, "openvino", OF_OPENVINO % threads)

    assert loops_for(release, cores=2) == loops
