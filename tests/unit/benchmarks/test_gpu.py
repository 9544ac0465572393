"""The benchmark of a card, as far as it goes without one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.gpu_network import RELEASE
from python_backends.shared.contract import TensorSpec
from python_backends.shared.cuda import Card
from tests.fakes.fake_cuda_session import install_fake_cuda_runtime
from tests.fakes.fake_cupy import install_fake_cupy


def write_release(folder: Path) -> Path:
    """As far as the benchmark reads it: channel_means.onnx stands for the network."""
    model = folder / RELEASE.step("model") / "1"
    model.mkdir(parents=True)
    means = Path(__file__).resolve().parents[2] / "data" / "channel_means.onnx"
    (model / "model.onnx").write_bytes(means.read_bytes())
    preprocess = folder / RELEASE.step("preprocess")
    preprocess.mkdir()
    (preprocess / "config.pbtxt").write_text('backend: "image_preprocess"\n')
    return folder


def test_without_a_card_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu"])

    assert gpu.main() == 1

    assert "There is no NVIDIA GPU here" in caplog.text


def test_the_ensemble_that_decodes_on_the_processor_is_a_copy(tmp_path: Path) -> None:
    repository = write_release(tmp_path / "made")

    copy = gpu.with_processor_decoding(repository, tmp_path)

    name = f"{RELEASE.step('preprocess')}/config.pbtxt"
    assert 'key: "decode_on"' in (copy / name).read_text()
    assert 'key: "decode_on"' not in (repository / name).read_text()


def test_a_release_that_is_not_quick_is_not_said_to_be_decoded_on_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "REPOSITORY", write_release(tmp_path))

    assert not gpu.decodes_on_card()


def test_the_limit_is_timed_for_every_batch_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = install_fake_cupy(monkeypatch)
    install_fake_cuda_runtime(monkeypatch)
    monkeypatch.setattr(gpu, "REPOSITORY", write_release(tmp_path))
    monkeypatch.setattr(gpu, "_PIXELS", TensorSpec("PIXELS", "UINT8", (2, 2, 3)))
    monkeypatch.setattr(gpu, "_LOGITS", TensorSpec("LOGITS", "FP32", (3,)))
    monkeypatch.setattr(gpu, "_WARM_UP_SECONDS", 0.0)

    lines = list(gpu.measure_limit(Card(fake, 0), 0.01))

    assert [it.batch for it in lines] == [1, 2, 4, 8, 16, 32, 64]
    assert all(it.images_per_second > 0 for it in lines)
    assert {it.way for it in lines} == {"limit"}
