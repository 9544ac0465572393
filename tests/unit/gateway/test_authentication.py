"""Who may ask what: every endpoint, with every key that is not good for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from gateway.settings import GatewaySettings
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway

PREDICT: Final = [
    ("POST", "/v1/predict/digits"),
    ("POST", "/v1/preview/digits"),
    ("GET", "/v1/routes"),
    ("GET", "/v1/routes/digits"),
]
ADMIN: Final = [
    ("GET", "/v1/admin/keys"),
    ("POST", "/v1/admin/keys"),
    ("PATCH", "/v1/admin/keys/4f6c2a9b1d0e"),
    ("DELETE", "/v1/admin/keys/4f6c2a9b1d0e"),
    ("POST", "/v1/admin/keys/4f6c2a9b1d0e/rotate"),
    ("GET", "/v1/admin/monitoring"),
    ("GET", "/v1/admin/monitoring/gateway"),
    ("GET", "/v1/admin/health"),
    ("GET", "/v1/admin/audit"),
    ("GET", "/v1/admin/routes/digits/report"),
    ("GET", "/v1/admin/shadows/digits/report"),
    ("GET", "/v1/admin/shadows/digits/disagreements/17/item"),
    ("GET", "/v1/admin/releases"),
    ("GET", "/v1/admin/releases/digits_r1"),
    ("POST", "/v1/admin/releases/digits_r1/load"),
    ("POST", "/v1/admin/releases/digits_r1/unload"),
    ("GET", "/v1/admin/rollouts"),
    ("POST", "/v1/admin/rollouts"),
    ("GET", "/v1/admin/rollouts/8e1f0a2b3c4d"),
    ("POST", "/v1/admin/rollouts/8e1f0a2b3c4d/pause"),
    ("POST", "/v1/admin/rollouts/8e1f0a2b3c4d/resume"),
    ("POST", "/v1/admin/rollouts/8e1f0a2b3c4d/abort"),
    ("PUT", "/v1/routes/digits"),
    ("POST", "/v1/routes/digits/promote"),
    ("POST", "/v1/routes/digits/rollback"),
    ("GET", "/v1/routes/digits/history"),
]
JOBS: Final = [
    ("POST", "/v1/jobs?alias=digits"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/jobs/9f2c4e6a8b0d1357"),
    ("DELETE", "/v1/jobs/9f2c4e6a8b0d1357"),
    ("GET", "/v1/jobs/9f2c4e6a8b0d1357/results"),
    ("GET", "/v1/jobs/9f2c4e6a8b0d1357/events"),
    ("GET", "/v1/key/webhook-secret"),
]
# Of these, the ones that name what they ask for.
OF_AN_ALIAS: Final = [PREDICT[0], PREDICT[1], PREDICT[3], JOBS[0]]
METRICS: Final = [("GET", "/metrics")]
# Either scope will do; what there is to see depends on the key.
PREDICT_OR_METRICS: Final = [("GET", f"/v1/requests/{'0' * 32}/waterfall")]
ANY_SCOPE: Final = [("GET", "/v1/key")]
PUBLIC: Final = [("GET", "/healthz"), ("GET", "/readyz")]
GUARDED: Final = PREDICT + ADMIN + JOBS + METRICS + PREDICT_OR_METRICS + ANY_SCOPE
EVERYTHING: Final = ("admin", "predict", "metrics")

Headers = dict[str, str]


async def new_key(gateway: Gateway, *scopes: str, **terms: Any) -> tuple[str, Headers]:
    answer = await gateway.client.post(
        "/v1/admin/keys",
        json={"name": "test", "scopes": list(scopes), **terms},
        headers=gateway.admin,
    )
    assert answer.status_code == 201
    return answer.json()["id"], {"X-API-Key": answer.json()["key"]}


async def no_key(_: Gateway) -> Headers:
    return {}


async def an_empty_key(_: Gateway) -> Headers:
    return {"X-API-Key": ""}


async def another_scheme(_: Gateway) -> Headers:
    return {"Authorization": "Basic YTpi"}


async def a_wrong_key(_: Gateway) -> Headers:
    return {"X-API-Key": "tri_guess"}


async def an_expired_key(gateway: Gateway) -> Headers:
    _, headers = await new_key(gateway, *EVERYTHING, expires_at="2026-01-31T12:00:00Z")
    return headers


async def a_revoked_key(gateway: Gateway) -> Headers:
    key_id, headers = await new_key(gateway, *EVERYTHING)
    assert (await gateway.client.get("/v1/admin/keys", headers=headers)).status_code == 200
    gone = await gateway.client.delete(f"/v1/admin/keys/{key_id}", headers=gateway.admin)
    assert (gone.status_code, gone.content) == (204, b"")
    return headers


async def a_rotated_out_key(gateway: Gateway) -> Headers:
    key_id, headers = await new_key(gateway, *EVERYTHING)
    await gateway.client.post(f"/v1/admin/keys/{key_id}/rotate", headers=gateway.admin)
    return headers


async def a_key_to_predict(gateway: Gateway) -> Headers:
    return (await new_key(gateway, "predict"))[1]


async def a_key_for_metrics(gateway: Gateway) -> Headers:
    return (await new_key(gateway, "metrics"))[1]


async def a_key_for_another_alias(gateway: Gateway) -> Headers:
    return (await new_key(gateway, "predict", allowed=["topics", "digits_r1"]))[1]


async def an_admin_key_for_another_alias(gateway: Gateway) -> Headers:
    return (await new_key(gateway, "admin", allowed=["topics"]))[1]


@dataclass(frozen=True)
class Case:
    """One kind of key, where it is refused, and how."""

    key: Callable[[Gateway], Awaitable[Headers]]
    refused_at: list[tuple[str, str]]
    status: int
    code: str


MATRIX: Final = [
    Case(no_key, GUARDED, 401, "missing_api_key"),
    Case(an_empty_key, GUARDED, 401, "missing_api_key"),
    Case(another_scheme, GUARDED, 401, "missing_api_key"),
    Case(a_wrong_key, GUARDED, 401, "unknown_api_key"),
    Case(an_expired_key, GUARDED, 401, "expired_api_key"),
    Case(a_revoked_key, GUARDED, 401, "unknown_api_key"),
    Case(a_rotated_out_key, GUARDED, 401, "unknown_api_key"),
    Case(a_key_to_predict, ADMIN + METRICS, 403, "scope_missing"),
    Case(a_key_for_metrics, PREDICT + JOBS + ADMIN, 403, "scope_missing"),
    Case(a_key_for_another_alias, OF_AN_ALIAS, 403, "alias_forbidden"),
    Case(an_admin_key_for_another_alias, OF_AN_ALIAS, 403, "alias_forbidden"),
]


@pytest.mark.parametrize("case", MATRIX, ids=lambda case: case.key.__name__)
async def test_a_key_that_is_not_good_for_it_is_refused_before_the_body_is_read(
    start_gateway: StartGateway, case: Case
) -> None:
    gateway = await start_gateway()
    headers = await case.key(gateway)

    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    for method, path in case.refused_at:
        # "Expect" keeps the rest of the body from being thrown away behind the answer.
        answer = await gateway.client.request(
            method, path, content=unread(), headers={**headers, "Expect": "100-continue"}
        )
        assert answer.status_code == case.status, (method, path)
        assert answer.json()["error"]["code"] == case.code
        assert answer.headers["Connection"] == "close"
        assert answer.headers.get("WWW-Authenticate") == ("Bearer" if case.status == 401 else None)


async def test_the_lists_above_hold_every_endpoint(gateway: Gateway) -> None:
    paths = (await gateway.client.get("/openapi.json")).json()["paths"]
    documented = {
        (method.upper(), path)
        for path, ways in paths.items()
        for method in ways
        if not path.startswith("/v2")  # open_inference/test_access.py lists those
    }
    listed = {
        (
            method,
            path.replace("?alias=digits", "")
            .replace("/digits_r1", "/{release}")
            .replace("/digits", "/{alias}")
            .replace("4f6c2a9b1d0e", "{key_id}")
            .replace("/17", "/{disagreement_id}")
            .replace("8e1f0a2b3c4d", "{rollout_id}")
            .replace("9f2c4e6a8b0d1357", "{job_id}")
            .replace("0" * 32, "{request_id}"),
        )
        for method, path in GUARDED + PUBLIC
    }
    assert listed == documented


async def test_health_needs_no_key(gateway: Gateway) -> None:
    for method, path in PUBLIC:
        answer = await gateway.client.request(method, path)
        assert answer.status_code == 200


async def test_a_scope_opens_its_endpoints_and_admin_opens_all(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"], triton.prepared[b"seven"] = ranked("7"), bytes(18)
    _, metrics = await new_key(gateway, "metrics")
    _, limited = await new_key(gateway, "predict", allowed=["digits"])
    for allowed, headers in [
        (PREDICT, gateway.ui),
        (PREDICT, limited),
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
