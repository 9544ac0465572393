"""The releases that lie in model_repository/, as files and as Triton would read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from triptych.release import find_releases
from triptych.routing import ReleaseName

REPOSITORY = Path(__file__).resolve().parents[2] / "model_repository"

# The generated protobuf classes carry no types.
ModelConfig = Any


def shipped_releases() -> list[ReleaseName]:
    """Those that git knows or would take; others, as of `make demo-text`, are somebody's own."""
    command = ["git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others"]
    listed = subprocess.run(
        [*command, "--exclude-standard", "."], check=True, capture_output=True, text=True
    ).stdout
    folders = {Path(line).parts[0] for line in listed.splitlines()}
    return [release for release in find_releases(REPOSITORY) if str(release) in folders]


def config_text(model: str) -> str:
    return (REPOSITORY / model / "config.pbtxt").read_text(encoding="utf-8")


def read_config(model: str) -> ModelConfig:
    return text_format.Parse(config_text(model), model_config_pb2.ModelConfig())


def certificate(release: ReleaseName) -> dict[str, Any]:
    content = (REPOSITORY / str(release) / "release.json").read_text(encoding="utf-8")
    body: dict[str, Any] = json.loads(content)
    return body
