"""Who may ask what: every endpoint, with every wrong key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.settings import GatewaySettings
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway

PREDICT = [
    ("POST", "/v1/predict/digits"),
    ("GET", "/v1/routes"),
    ("GET", "/v1/routes/digits"),
]
ADMIN = [
    ("GET", "/v1/admin/keys"),
    ("POST", "/v1/admin/keys"),
    ("DELETE", "/v1/admin/keys/4f6c2a9b1d0e"),
]
METRICS = [("GET", "/metrics")]
PUBLIC = [("GET", "/healthz"), ("GET", "/readyz")]


async def _new_key(gateway: Gateway, *scopes: str) -> tuple[str, dict[str, str]]:
    answer = await gateway.client.post(
        "/v1/admin/keys", json={"name": "test", "scopes": list(scopes)}, headers=gateway.admin
    )
    return answer.json()["id"], {"X-API-Key": answer.json()["key"]}


async def test_the_lists_above_hold_every_endpoint(gateway: Gateway) -> None:
    paths = (await gateway.client.get("/openapi.json")).json()["paths"]
    documented = {
        (method.upper(), path)
        for path, ways in paths.items()
        for method in ways
        if not path.startswith("/v2")  # open_inference/test_access.py lists those
    }
    listed = {
        (method, path.replace("/digits", "/{alias}").replace("4f6c2a9b1d0e", "{key_id}"))
        for method, path in PREDICT + ADMIN + METRICS + PUBLIC
    }
    assert listed == documented


async def test_health_needs_no_key(gateway: Gateway) -> None:
    for method, path in PUBLIC:
        answer = await gateway.client.request(method, path)
        assert answer.status_code == 200


async def test_without_a_key_nothing_else_is_answered_and_no_body_is_read(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()

    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    for method, path in PREDICT + ADMIN + METRICS:
        for headers in ({}, {"X-API-Key": ""}, {"Authorization": "Basic YTpi"}):
            # "Expect" keeps the rest of the body from being thrown away behind the answer.
            answer = await gateway.client.request(
                method, path, content=unread(), headers={**headers, "Expect": "100-continue"}
            )
            assert answer.status_code == 401, (method, path)
            assert answer.json()["error"]["code"] == "missing_api_key"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_key_that_is_not_ours_opens_nothing(gateway: Gateway) -> None:
    for method, path in PREDICT + ADMIN + METRICS:
        answer = await gateway.client.request(method, path, headers={"X-API-Key": "tri_guess"})
        assert answer.status_code == 401, (method, path)
        assert answer.json()["error"]["code"] == "unknown_api_key"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_revoked_key_opens_nothing_from_then_on(gateway: Gateway) -> None:
    key_id, headers = await _new_key(gateway, "admin", "predict", "metrics")
    assert (await gateway.client.get("/v1/admin/keys", headers=headers)).status_code == 200
    revoked = await gateway.client.delete(f"/v1/admin/keys/{key_id}", headers=gateway.admin)
    assert (revoked.status_code, revoked.content) == (204, b"")
    for method, path in PREDICT + ADMIN + METRICS:
        answer = await gateway.client.request(method, path, headers=headers)
        assert answer.status_code == 401, (method, path)
        assert answer.json()["error"]["code"] == "unknown_api_key"


async def test_a_good_key_without_the_scope_is_forbidden(gateway: Gateway) -> None:
    _, predict = await _new_key(gateway, "predict")
    _, metrics = await _new_key(gateway, "metrics")
    for lacking, headers in [(ADMIN + METRICS, predict), (PREDICT + ADMIN, metrics)]:
        for method, path in lacking:
            answer = await gateway.client.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path)
            assert answer.json()["error"]["code"] == "scope_missing"
            assert "WWW-Authenticate" not in answer.headers


async def test_a_scope_opens_its_endpoints_and_admin_opens_all(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    _, metrics = await _new_key(gateway, "metrics")
    for allowed, headers in [
        (PREDICT, gateway.ui),
        (METRICS, metrics),
        (PREDICT + METRICS + ADMIN[:1], gateway.admin),
    ]:
        for method, path in allowed:
            content = b"seven" if method == "POST" else None
            answer = await gateway.client.request(method, path, content=content, headers=headers)
            assert answer.status_code == 200, (method, path)


async def test_a_key_comes_as_bearer_or_in_a_header_of_its_own(
    gateway: Gateway,
) -> None:
    key = gateway.ui["X-API-Key"]
    for headers in (
        {"X-API-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer {key}"},
        {"Authorization": "Basic YTpi", "X-API-Key": key},
    ):
        answer = await gateway.client.get("/v1/routes", headers=headers)
        assert answer.status_code == 200, headers.keys()


async def test_no_key_is_too_odd_to_be_refused(gateway: Gateway) -> None:
    for odd in (b"\xff\xfe\x80", "Zürich ☃".encode(), b"x" * 16_000, b"a b\tc", b"%00", b"{}[]'\""):
        for name, value in [(b"X-API-Key", odd), (b"Authorization", b"Bearer " + odd)]:
            answer = await gateway.client.get("/v1/routes", headers=[(name, value)])
            assert answer.status_code == 401, odd[:20]
            assert answer.json()["error"]["code"] == "unknown_api_key"


async def test_the_table_of_keys_is_not_read_while_a_request_waits(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=60)
    headers = gateway.ui
    (settings.state_dir / "triptych.db").unlink()
    answer = await gateway.client.get("/v1/routes", headers=headers)
    assert answer.status_code == 200
