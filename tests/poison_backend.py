"""Puts a decoder that crashes on demand (poison_decoder.py) into a real Triton.

A stub that is started afterwards has it: load the release then, or end its stub and let it heal.
"""

from __future__ import annotations

from pathlib import Path

_MODEL = """
from python_backends.image_preprocess import model
from tests.poison_decoder import preprocess_image


class TritonPythonModel(model.TritonPythonModel):
    preprocess_image = staticmethod(preprocess_image)
"""


def poison_backend(backends_dir: Path) -> None:
    """Replace image_preprocess in a test's own backend directory, `<state>/backends`."""
    place = backends_dir / "image_preprocess"
    place.unlink()  # a link to the real one
    place.mkdir()
    (place / "model.py").write_text(_MODEL)
