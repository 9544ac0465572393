"""What kills a bare Triton, sent to the gateway in front of a real one."""

from __future__ import annotations

import httpx
import psutil
import pytest

from benchmarks.local_stack import LocalStack
from tests import pictures
from tests.poison_requests import ALL, LENGTH, Poison

INFER = "/v2/models/digits/infer"


def stubs(stack: LocalStack) -> set[int]:
    """Triton itself and everything below it."""
    root = psutil.Process(stack.triton["pid"])
    return {root.pid, *(child.pid for child in root.children(recursive=True))}


@pytest.mark.parametrize("poison", ALL, ids=lambda poison: poison.name)
def test_poison_is_refused_and_the_next_request_is_answered(
    poison: Poison, stack: LocalStack, gateway: httpx.Client
) -> None:
    before = stubs(stack)

    refused = gateway.post(INFER, content=poison.body, headers=poison.headers)
    good = gateway.post(INFER, content=pictures.seven_jpeg(), headers={LENGTH: "0"})

    assert refused.status_code == poison.status, refused.text
    assert refused.json().keys() == {"error"}
    assert good.status_code == 200
    assert good.content[int(good.headers[LENGTH]) :].startswith(b"\x01\0\0\x007")
    assert stubs(stack) == before
