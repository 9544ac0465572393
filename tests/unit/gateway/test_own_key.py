"""GET /v1/key: any key, whatever it may do, learns what it is."""

from __future__ import annotations

import pytest

from tests.unit.gateway.running_gateway import Gateway


@pytest.mark.parametrize("scope", ["predict", "metrics", "admin"])
async def test_a_key_learns_what_it_may_do(gateway: Gateway, scope: str) -> None:
    wanted = {"name": "shop", "scopes": [scope], "allowed": ["digits"], "requests_per_minute": 60}
    made = (await gateway.client.post("/v1/admin/keys", json=wanted, headers=gateway.admin)).json()

    answer = await gateway.client.get("/v1/key", headers={"X-API-Key": made["key"]})

    assert answer.status_code == 200
    assert answer.json().items() >= {**wanted, "id": made["id"], "expires_at": None}.items()


async def test_the_key_itself_is_not_said_again(gateway: Gateway) -> None:
    answer = await gateway.client.get("/v1/key", headers=gateway.admin)

    assert "key" not in answer.json()
    assert "digest" not in answer.text
