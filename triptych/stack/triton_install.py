"""Where Triton is, in NVIDIA's image or in the PyPI wheel nvidia-pytriton, and what it is given."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from triptych.errors import EnvironmentUnfit
from triptych.stack.leftovers import MARK
from triptych.stack.libpython import require_libpython

# Where NVIDIA's images (nvcr.io/nvidia/tritonserver) have theirs.
NVIDIA_IMAGE: Final = Path("/opt/tritonserver")
_PYTHON: Final = "python"
_OUR_SETTINGS: Final = ("TRIPTYCH_", "GATEWAY_", "UI_")


@dataclass(frozen=True)
class TritonInstall:
    """Where the parts of one Triton are."""

    binary: Path
    backend_dir: Path
    library_path: str

    def environment(self) -> dict[str, str]:
        """What tritonserver and its stubs need to see.

        The stub finds site-packages through the first python3 on PATH; PYTHONPATH is ignored there.
        Bytecode files would change the times of backend folders, by which Triton judges reloads.
        """
        venv_bin = Path(sys.executable).parent
        return {
            **inherited_environment(),
            "LD_LIBRARY_PATH": self.library_path,
            "PATH": f"{venv_bin}:{os.environ.get('PATH', '')}",
            "VIRTUAL_ENV": str(venv_bin.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def inherited_environment() -> dict[str, str]:
    """Our own environment without our settings.

    These, with their secrets, have no business where strangers' pictures are read.
    """
    return {name: it for name, it in os.environ.items() if not _is_setting(name)}


def _is_setting(variable: str) -> bool:
    return variable.startswith(_OUR_SETTINGS) and variable != MARK


def _package_dir(name: str, advice: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EnvironmentUnfit(f"The package {name} is not installed. {advice}")
    return Path(spec.submodule_search_locations[0])


def prepare_triton(target: Path, image: Path = NVIDIA_IMAGE) -> TritonInstall:
    """Lay out a backend directory: a copy of Triton's Python backend, and links to all others.

    NVIDIA's image wins over the wheel, and a backend that it brings over ours of the same name,
    which only stands in for it. The copy tells the stubs of this Triton from those of another one.

    Args:
        target: The folder to make; what an earlier start left there is replaced.
        image: Where NVIDIA's image has Triton.

    Raises:
        EnvironmentUnfit: the wheel, its stub for this Python or libpython is missing.
    """
    libpython_dir = require_libpython()
    shutil.rmtree(target, ignore_errors=True)
    (target / _PYTHON).mkdir(parents=True)
    if (image / "bin" / "tritonserver").is_file():
        install = _from_image(image, target, libpython_dir)
    else:
        install = _from_wheel(target, libpython_dir)
    ours = _package_dir("python_backends", "Please run: make setup")
    _link(target, (model_file.parent for model_file in ours.glob("*/model.py")))
    return install


def _from_image(image: Path, target: Path, libpython_dir: Path) -> TritonInstall:
    """NVIDIA's: its library path stays first, where the driver's libraries are found."""
    native = image / "backends"
    _copy_files((native / _PYTHON).iterdir(), target / _PYTHON)
    _link(target, native.iterdir())
    inherited = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return TritonInstall(
        binary=image / "bin" / "tritonserver",
        backend_dir=target,
        library_path=":".join(filter(None, [*inherited, str(libpython_dir)])),
    )


def _from_wheel(target: Path, libpython_dir: Path) -> TritonInstall:
    wheel = _package_dir("pytriton", "Please run: make setup") / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = wheel / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        raise EnvironmentUnfit(
            f"nvidia-pytriton has no stub for Python {version}; use 3.11 or 3.12."
        )
    backend = (wheel / "backends" / _PYTHON).iterdir()
    _copy_files((file for file in backend if file.suffix in {".so", ".py"}), target / _PYTHON)
    _copy_files([stub], target / _PYTHON)
    bundled_libraries = wheel.parent.parent / "nvidia_pytriton.libs"
    return TritonInstall(
        binary=wheel / "bin" / "tritonserver",
        backend_dir=target,
        library_path=f"{libpython_dir}:{bundled_libraries}",
    )


def _copy_files(files: Iterable[Path], folder: Path) -> None:
    for file in files:
        if file.is_file():
            shutil.copy2(file, folder)


def _link(target: Path, backends: Iterable[Path]) -> None:
    """Link those whose names are not taken."""
    for backend in backends:
        if not (target / backend.name).exists():
            (target / backend.name).symlink_to(backend)
