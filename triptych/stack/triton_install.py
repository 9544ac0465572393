"""The Triton that the PyPI wheel nvidia-pytriton carries: binary, backend folder, environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from triptych.errors import EnvironmentUnfit
from triptych.stack.leftovers import MARK
from triptych.stack.libpython import require_libpython

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
        Our own settings, with their secrets, have no business where strangers' pictures are read.
        """
        venv_bin = Path(sys.executable).parent
        return {
            **{name: it for name, it in os.environ.items() if not _is_setting(name)},
            "LD_LIBRARY_PATH": self.library_path,
            "PATH": f"{venv_bin}:{os.environ.get('PATH', '')}",
            "VIRTUAL_ENV": str(venv_bin.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _is_setting(variable: str) -> bool:
    return variable.startswith(_OUR_SETTINGS) and variable != MARK


def _package_dir(name: str, advice: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EnvironmentUnfit(f"The package {name} is not installed. {advice}")
    return Path(spec.submodule_search_locations[0])


def prepare_triton(target: Path) -> TritonInstall:
    """Lay out a backend directory: the wheel's Python backend, and ours beside it as links.

    Args:
        target: The folder to make; what an earlier start left there is replaced.

    Raises:
        EnvironmentUnfit: the wheel, its stub for this Python or libpython is missing.
    """
    libpython_dir = require_libpython()
    wheel = _package_dir("pytriton", "Please run: make setup") / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = wheel / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.is_file():
        raise EnvironmentUnfit(
            f"nvidia-pytriton has no stub for Python {version}; use 3.11 or 3.12."
        )
    shutil.rmtree(target, ignore_errors=True)
    python_backend = target / "python"
    python_backend.mkdir(parents=True)
    for file in (wheel / "backends" / "python").iterdir():
        if file.suffix in {".so", ".py"}:
            shutil.copy2(file, python_backend)
    shutil.copy2(stub, python_backend)
    ours = _package_dir("python_backends", "Please run: make setup")
    for model_file in ours.glob("*/model.py"):
        (target / model_file.parent.name).symlink_to(model_file.parent)
    bundled_libraries = wheel.parent.parent / "nvidia_pytriton.libs"
    return TritonInstall(
        binary=wheel / "bin" / "tritonserver",
        backend_dir=target,
        library_path=f"{libpython_dir}:{bundled_libraries}",
    )
