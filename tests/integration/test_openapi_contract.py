"""Schemathesis asks the real gateway everything that its own OpenAPI description allows, and more.

Nobody here wrote these requests.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.local_stack import local_stack
from tests.word_votes import repository_with_words

# The key travels in a header of every request, so a second, wrong one proves nothing:
# tests/unit/gateway/test_authentication.py asks each endpoint without it.
_LEFT_OUT: Final = "ignored_auth"


def test_no_request_that_openapi_describes_ends_in_a_5xx_or_an_undescribed_answer(
    tmp_path: Path,
) -> None:
    repository = repository_with_words(tmp_path / "models")
    # A stack of its own: the requests make and revoke keys.
    with local_stack(tmp_path / "state", repository, "--no-ui") as stack:
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("run", f"{stack.gateway_url}/openapi.json"),
                *("--header", f"X-API-Key: {stack.admin_key}"),
                *("--checks", "all", "--exclude-checks", _LEFT_OUT),
                *("--generation-deterministic", "--max-examples", "50", "--no-color"),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=300,
        )
    assert run.returncode == 0, run.stdout[-8000:]
    assert "No issues found" in run.stdout, run.stdout[-2000:]
