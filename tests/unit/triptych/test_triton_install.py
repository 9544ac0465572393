from __future__ import annotations

from pathlib import Path

import pytest

from triptych.stack.libpython import require_libpython
from triptych.stack.triton_install import prepare_triton


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What NVIDIA's image has, as far as we look at it."""
    root = tmp_path / "opt" / "tritonserver"
    for file in (
        "bin/tritonserver",
        "backends/python/libtriton_python.so",
        "backends/python/triton_python_backend_stub",
        "backends/python/triton_python_backend_utils.py",
        "backends/onnxruntime/libtriton_onnxruntime.so",
        "backends/tensorrt/libtriton_tensorrt.so",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"native {file}", encoding="utf-8")
    return root


def test_the_server_of_nvidias_image_wins_over_the_wheels(tmp_path: Path, image: Path) -> None:
    install = prepare_triton(tmp_path / "backends", image)

    assert install.binary == image / "bin" / "tritonserver"
    stub = tmp_path / "backends" / "python" / "triton_python_backend_stub"
    assert stub.read_text(encoding="utf-8").startswith("native")
    assert not stub.is_symlink()  # its path tells whose stub it is


def test_native_backends_win_and_ours_stand_beside_them(tmp_path: Path, image: Path) -> None:
    backends = prepare_triton(tmp_path / "backends", image).backend_dir

    assert (backends / "onnxruntime" / "libtriton_onnxruntime.so").is_file()
    assert not (backends / "onnxruntime" / "model.py").exists()
    assert (backends / "tensorrt" / "libtriton_tensorrt.so").is_file()
    assert (backends / "image_preprocess" / "model.py").is_file()
    assert (backends / "classification_postprocess" / "model.py").is_file()
    assert not (image / "backends" / "image_preprocess").exists()


def test_a_stand_in_stays_where_the_image_has_no_such_backend(tmp_path: Path, image: Path) -> None:
    backends = prepare_triton(tmp_path / "backends", image).backend_dir

    assert (backends / "openvino" / "model.py").is_file()


def test_a_second_start_replaces_what_the_first_laid_out(tmp_path: Path, image: Path) -> None:
    prepare_triton(tmp_path / "backends", image)

    backends = prepare_triton(tmp_path / "backends", image).backend_dir

    assert (backends / "tensorrt" / "libtriton_tensorrt.so").is_file()
    assert (image / "backends" / "tensorrt" / "libtriton_tensorrt.so").is_file()


def test_the_images_own_library_path_stays_first(
    tmp_path: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/cuda/compat/lib:/usr/local/nvidia/lib")

    install = prepare_triton(tmp_path / "backends", image)

    assert install.library_path.split(":") == [
        "/usr/local/cuda/compat/lib",
        "/usr/local/nvidia/lib",
        str(require_libpython()),
    ]
