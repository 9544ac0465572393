"""What docs/jobs.md says of jobs is what the code does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.jobs.job import JobState
from gateway.jobs.webhooks.notice_store import PAUSES
from gateway.jobs.webhooks.signature import WebhookSecrets, signed_headers

PAGE = (Path(__file__).resolve().parents[4] / "docs/jobs.md").read_text(encoding="utf-8")
NOW = 1_795_000_000
Verify = Callable[[str, Mapping[str, str], bytes], bool]


@pytest.fixture
def is_from_triptych(monkeypatch: pytest.MonkeyPatch) -> Verify:
    """The function of the page, at noon."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    known: dict[str, Any] = {}
    exec(program, known)  # noqa: S102 - it is our own page
    monkeypatch.setattr("time.time", lambda: float(NOW))
    verify: Verify = known["is_from_triptych"]
    return verify


def test_the_page_takes_our_own_messages_and_no_others(is_from_triptych: Verify) -> None:
    secrets, body = WebhookSecrets("hash secret"), b'{"type": "job.ended"}'
    secret = secrets.of("ab12")
    headers = signed_headers(secret, "9f2c4e6a8b0d1357", NOW - 299, body)

    assert is_from_triptych(secret, headers, body)
    both = {**headers, "webhook-signature": f"v1,b3RoZXI= {headers['webhook-signature']}"}
    assert is_from_triptych(secret, both, body)
    assert not is_from_triptych(secret, headers, body + b" ")
    assert not is_from_triptych(secrets.of("cd34"), headers, body)
    assert not is_from_triptych(secret, {**headers, "webhook-id": "another"}, body)
    old = signed_headers(secret, "9f2c4e6a8b0d1357", NOW - 301, body)
    assert not is_from_triptych(secret, old, body)


def test_the_page_has_every_state() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)

    assert [row for row in rows if row in set(JobState)] == list(JobState)


def test_the_page_tells_when_a_webhook_is_tried_again() -> None:
    seconds = [int(pause.total_seconds()) for pause in PAUSES]

    assert seconds == [5, 30, 120, 600, 3600, 21600]
    assert "5 seconds, 30\nseconds, 2 and 10 minutes, 1 and 6 hours, seven times in all" in PAGE
