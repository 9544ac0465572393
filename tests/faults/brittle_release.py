"""A repository with digits as shipped and a text release whose first step one word kills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.word_votes import repository_with_words
from triptych.release import sha256

MARKER: Final = "kill-the-stub"
_MODEL: Final = Path(__file__).parent / "brittle_step" / "model.py"
_STEP: Final = "words_r1_preprocess"


def repository_with_a_brittle_step(target: Path) -> Path:
    """Write it; the release's hashes are those of the changed files, so every check passes."""
    repository = repository_with_words(target)
    config = repository / _STEP / "config.pbtxt"
    text = config.read_text()
    assert 'backend: "text_preprocess"' in text
    config.write_text(text.replace('backend: "text_preprocess"', 'backend: "python"'))
    model = repository / _STEP / "1" / "model.py"
    model.parent.mkdir(exist_ok=True)
    model.write_bytes(_MODEL.read_bytes())
    certificate = repository / "words_r1" / "release.json"
    body = json.loads(certificate.read_text())
    for file in (config, model):
        body["artifacts"][str(file.relative_to(repository))] = sha256(file)
    certificate.write_text(json.dumps(body, indent=2))
    return repository
