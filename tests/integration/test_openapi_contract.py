"""Schemathesis asks the real gateway everything that its own OpenAPI description allows, and more.

Nobody here wrote these requests.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from benchmarks.local_stack import local_stack
from tests.word_votes import repository_with_words

_CONFIGURATION: Final = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.timeout(400)
def test_no_request_that_openapi_describes_ends_in_a_5xx_or_an_undescribed_answer(
    tmp_path: Path,
) -> None:
    repository = repository_with_words(tmp_path / "models")
    # A stack of its own: the requests make and revoke keys.
    with local_stack(tmp_path / "state", repository, "--no-ui") as stack:
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("--config-file", str(_CONFIGURATION)),
                *("run", f"{stack.gateway_url}/openapi.json"),
                *("--header", f"Authorization: Bearer {stack.admin_key}"),
                *("--generation-deterministic", "--max-examples", "12", "--no-color"),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=300,
        )
    assert run.returncode == 0, run.stdout[-8000:]
    assert re.search(r"(\d{4,}) generated, \1 passed", run.stdout), run.stdout[-2000:]
