"""The codes of refused items have one meaning, whoever is asked."""

from __future__ import annotations

import pytest

from gateway.data_plane.item_outcomes import item_outcome
from gateway.errors import ContractMismatch, InvalidRequest
from python_backends.shared.contract import ItemAnswer, Status, Task
from triptych.client.answers import REFUSALS

REFUSED = [status for status in Status if not status.is_answered]


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("status", REFUSED)
def test_a_direct_client_says_the_same_code_as_the_gateway(task: Task, status: Status) -> None:
    try:
        outcome = item_outcome(task, ItemAnswer(status, (), ()), top_k=1)
    except ContractMismatch:
        assert (task, status) not in REFUSALS
        return
    assert isinstance(outcome, InvalidRequest)
    assert REFUSALS[task, status][0] == outcome.code
