"""Releases of digits that are worse than the first in one way, and pictures that show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests import pictures
from tests.integration.test_releases_command import write_like_digits
from triptych.release import sha256

_MODEL: Final = Path(__file__).parent / "faulty_step" / "model.py"


def write_faulty(repository: Path, number: int, fault: str, *, slow_ms: float = 0) -> str:
    """Write digits_r<number>; its hashes are those of the changed files, so every check passes.

    Args:
        repository: Holds digits_r1.
        number: Of the new release.
        fault: "wrong" labels or an "error" for marked pictures, or "slow" for all.
        slow_ms: How much longer each batch takes.

    Returns:
        The release's name.
    """
    write_like_digits(repository, "digits", number)
    release = f"digits_r{number}"
    config = repository / f"{release}_model" / "config.pbtxt"
    text = config.read_text()
    assert 'backend: "onnxruntime"' in text
    told = {"fault": fault, "slow_ms": str(slow_ms)}
    parameters = "".join(
        f'parameters {{ key: "{key}" value: {{ string_value: "{it}" }} }}\n'
        for key, it in told.items()
    )
    config.write_text(text.replace('backend: "onnxruntime"', 'backend: "python"') + parameters)
    model = repository / f"{release}_model" / "1" / "model.py"
    model.write_bytes(_MODEL.read_bytes())
    certificate = repository / release / "release.json"
    body = json.loads(certificate.read_text())
    for file in (config, model):
        body["artifacts"][str(file.relative_to(repository))] = sha256(file)
    certificate.write_text(json.dumps(body, indent=2))
    return release


def marked_seven() -> bytes:
    """The sample with the corner that faulty releases look for."""
    picture = pictures.seven()
    width, height = picture.size
    picture.paste((255, 0, 255), (0, 0, width // 4, height // 4))
    return pictures.encoded(picture, quality=95)
