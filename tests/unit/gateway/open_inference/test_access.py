"""Who may use the Open Inference Protocol: every endpoint, with every wrong key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.fake_triton import FakeTriton
from tests.unit.gateway.running_gateway import Gateway, StartGateway

PUBLIC = [("GET", "/v2/health/live"), ("GET", "/v2/health/ready")]
PROTECTED = [("GET", "/v2")] + [
    (method, f"/v2/models/digits{version}{rest}")
    for version in ("", "/versions/1")
    for method, rest in [
        ("GET", ""),
        ("GET", "/ready"),
        ("GET", "/config"),
        ("GET", "/stats"),
        ("POST", "/infer"),
    ]
]


async def test_the_lists_above_hold_every_endpoint(gateway: Gateway) -> None:
    paths = (await gateway.client.get("/openapi.json")).json()["paths"]
    documented = {(method.upper(), path) for path, ways in paths.items() for method in ways}
    listed = {
        (method, path.replace("/digits", "/{model}"))
        for method, path in PUBLIC + PROTECTED
        if "/versions/" not in path  # the same endpoints, under a second path
    }
    assert listed == {entry for entry in documented if entry[1].startswith("/v2")}


async def test_health_needs_no_key(gateway: Gateway) -> None:
    for method, path in PUBLIC:
        assert (await gateway.client.request(method, path)).status_code == 200


async def test_without_a_key_nothing_else_is_answered_and_no_body_is_read(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()

    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    for method, path in PROTECTED:
        # "Expect" keeps the rest of the body from being thrown away behind the answer.
        answer = await gateway.client.request(
            method, path, content=unread(), headers={"Expect": "100-continue"}
        )
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (401, "missing_api_key")
        assert answer.json().keys() == {"error"}
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_key_that_is_not_ours_or_is_not_for_this_opens_nothing(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    keys = "/v1/admin/keys"
    wanted = {"name": "scraper", "scopes": ["metrics"]}
    made = (await gateway.client.post(keys, json=wanted, headers=gateway.admin)).json()
    for method, path in PROTECTED:
        for key, status, code in [
            ("tri_guess", 401, "unknown_api_key"),
            (made["key"], 403, "scope_missing"),
        ]:
            answer = await gateway.client.request(method, path, headers={"X-API-Key": key})
            assert (answer.status_code, answer.headers["X-Error-Code"]) == (status, code), path
            assert answer.json().keys() == {"error"}
    await gateway.client.delete(f"{keys}/{made['id']}", headers=gateway.admin)
    for method, path in PROTECTED:
        answer = await gateway.client.request(method, path, headers={"X-API-Key": made["key"]})
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (401, "unknown_api_key")
    assert triton.asked == []


async def test_a_connection_outlives_a_refusal(serve_gateway: StartGateway) -> None:
    gateway = await serve_gateway()
    for content, status in [(b"{}", 400), (b"[", 400), (b"{}", 400)]:
        answer = await gateway.client.post(
            "/v2/models/digits/infer", content=content, headers=gateway.ui
        )
        assert answer.status_code == status
        assert "Connection" not in answer.headers
