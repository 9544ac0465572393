"""The releases that lie in model_repository/, as files and as Triton would read them."""

from __future__ import annotations

import json
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
    return list(find_releases(REPOSITORY))


def config_text(model: str) -> str:
    return (REPOSITORY / model / "config.pbtxt").read_text(encoding="utf-8")


def read_config(model: str) -> ModelConfig:
    return text_format.Parse(config_text(model), model_config_pb2.ModelConfig())


def certificate(release: ReleaseName) -> dict[str, Any]:
    content = (REPOSITORY / str(release) / "release.json").read_text(encoding="utf-8")
    body: dict[str, Any] = json.loads(content)
    return body
