"""A start imports what it needs: each of these took a tenth of it, and up to 11 MB per process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# The modules of a process -> what none of them may import.
UNNEEDED = {
    "triptych.cli.main triptych.cli.stack": {"grpc", "httpx", "numpy", "google.protobuf"},
    "triptych.cli.main triptych.cli.triton": {"httpx", "torch", "onnx"},
    "gateway.__main__": {"fastapi", "sqlalchemy", "grpc", "httpx"},
    "gateway.process.worker": {"alembic", "redis", "opentelemetry.sdk"},
    "gateway.worker.__main__": {"alembic", "redis", "fastapi", "opentelemetry"},
}


@pytest.mark.parametrize("modules", UNNEEDED)
def test_a_process_does_not_import_what_it_does_not_need(modules: str) -> None:
    names = ", ".join(modules.split())
    program = f"import json, sys, {names}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)

    assert UNNEEDED[modules] & set(json.loads(done.stdout)) == set()
