"""GET /v1/admin/releases/{release}: one release in full, as supervisors tell it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.fakes.fake_supervisor import FakeSupervisor, Mood
from tests.unit.gateway.running_gateway import Gateway, StartGateway

CARD: dict[str, Any] = {
    "name": "digits_r2",
    "task": "image-classification",
    "promotable": True,
    "forced": False,
    "created": "2026-01-02T03:04:05+00:00",
    "semver": None,
    "git_commit": "abc123",
    "precision": "fp32",
    "engine": "onnxruntime",
    "engines": ["onnxruntime"],
    "max_batch_size": 32,
    "top_k": 10,
    "classes": 2,
    "labels": ["0", "1"],
    "size_bytes": 7,
    "golden": 12,
    "fingerprint": "0123456789abcdef",
    "model_sha256": "ab" * 32,
    "artifacts": {"digits_r2_model/1/model.onnx": "ab" * 32},
    "source": {"framework": "PyTorch"},
    "transform": {"resize": "stretch"},
    "parity": {"passed": True},
    "measurements": [
        {"name": "held_out", "accuracy": 0.9, "inputs": 10, "confusion": [[5, 0], [1, 4]]}
    ],
}


async def card_of(gateway: Gateway, release: str) -> httpx.Response:
    path = f"/v1/admin/releases/{release}"
    return await gateway.client.get(path, headers=gateway.admin)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_card_is_told_as_the_supervisor_reads_it(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.cards["digits_r2"] = CARD
    gateway = await start_gateway()

    answer = await card_of(gateway, "digits_r2")

    assert (answer.status_code, answer.json()) == (200, CARD)


async def test_what_lies_on_no_disk_is_unknown(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()

    assert refusal(await card_of(gateway, "digits_r7")) == (404, "unknown_release")
    supervisor.asked.clear()
    assert refusal(await card_of(gateway, "x" * 5000)) == (404, "unknown_release")
    assert not any("releases" in path for path in supervisor.asked)


async def test_a_card_that_cannot_be_read_is_refused_with_the_reason(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.refusals["/releases/digits_r2"] = (409, "release.json cannot be read")
    supervisor.cards["digits_r3"] = {"name": "digits_r3"}
    gateway = await start_gateway()

    answer = await card_of(gateway, "digits_r2")

    assert refusal(answer) == (409, "release_refused")
    assert "release.json cannot be read" in answer.json()["error"]["message"]
    assert refusal(await card_of(gateway, "digits_r3")) == (409, "release_refused")


async def test_nobody_who_tells_is_unavailable(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    for mood in (Mood.SILENT, Mood.GARBAGE):
        supervisor.mood = mood

        assert refusal(await card_of(gateway, "digits_r2")) == (503, "inference_unavailable")
