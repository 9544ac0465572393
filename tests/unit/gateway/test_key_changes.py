"""/v1/admin/keys: limits, changes, rotation, and the last key that may administer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from gateway.control_plane.api_key import ApiKey, KeyTerms, Scope
from gateway.control_plane.database import open_database
from gateway.control_plane.keys import KeyStore
from gateway.errors import ExpiredApiKey, UnknownApiKey
from gateway.settings import GatewaySettings
from tests.unit.gateway.running_gateway import Gateway, StartGateway

TERMS: Final = {
    "name": "nightly batch",
    "scopes": ["predict"],
    "tenant": "acme",
    "allowed": ["digits", "digits_r2"],
    "priority": "batch",
    "expires_at": "2099-01-31T12:00:00Z",
    "requests_per_minute": 600,
    "bytes_per_minute": 10_000_000_000,
    "max_concurrency": 4,
}


async def create(gateway: Gateway, **terms: Any) -> dict[str, Any]:
    body = {"name": "app", **terms}
    answer = await gateway.client.post("/v1/admin/keys", json=body, headers=gateway.admin)
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


async def status_with(gateway: Gateway, key: str) -> int:
    answer = await gateway.client.get("/v1/routes", headers={"X-API-Key": key})
    return answer.status_code


def a_key(*scopes: Scope, allowed: set[str] | None = None) -> ApiKey:
    return ApiKey(
        id="4f6c2a9b1d0e",
        name="app",
        tenant="acme",
        scopes=frozenset(scopes),
        allowed=None if allowed is None else frozenset(allowed),
        created_at=datetime.now(UTC),
    )


async def test_all_terms_of_a_new_key_are_kept_and_told(gateway: Gateway) -> None:
    made = await create(gateway, **TERMS)
    listed = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
    (found,) = (key for key in listed.json()["keys"] if key["id"] == made["id"])
    assert found.pop("usage")["today"]["requests"] == 0
    assert found == {name: value for name, value in made.items() if name != "key"}
    assert {name: found[name] for name in TERMS} == TERMS


async def test_a_key_shares_nothing_and_has_no_limit_where_nothing_is_said(
    gateway: Gateway,
) -> None:
    made = await create(gateway)
    assert made["tenant"] == made["id"]
    assert made["priority"] == "interactive"
    for name in ("allowed", "expires_at", "requests_per_minute", "bytes_per_minute"):
        assert made[name] is None
    assert made["max_concurrency"] is None


async def test_a_whole_number_may_be_written_with_a_point(gateway: Gateway) -> None:
    made = await create(gateway, requests_per_minute=600.0)
    assert made["requests_per_minute"] == 600


async def test_a_moment_in_any_time_zone_is_kept_in_utc(gateway: Gateway) -> None:
    made = await create(gateway, expires_at="2099-01-31T14:00:00+02:00")
    assert made["expires_at"] == "2099-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("key", "usable", "forbidden"),
    [
        (a_key(Scope.PREDICT), {"digits", "nowhere"}, {"digits_r1"}),
        (a_key(Scope.ADMIN), {"digits", "digits_r1"}, set[str]()),
        (a_key(Scope.PREDICT, allowed={"digits"}), {"digits"}, {"topics", "digits_r1"}),
        (a_key(Scope.PREDICT, allowed={"digits_r2"}), {"digits_r2"}, {"digits", "digits_r1"}),
        (a_key(Scope.ADMIN, allowed={"digits"}), {"digits", "topics_r1"}, {"topics"}),
    ],
)
def test_which_names_a_key_may_use(key: ApiKey, usable: set[str], forbidden: set[str]) -> None:
    assert {name for name in usable | forbidden if key.may_use(name)} == usable


async def test_a_change_changes_what_it_names_and_nothing_else(gateway: Gateway) -> None:
    made = await create(gateway, **TERMS)
    path = f"/v1/admin/keys/{made['id']}"
    changes: dict[str, object] = {
        "name": "weekly batch",
        "requests_per_minute": 60,
        "bytes_per_minute": None,
        "allowed": None,
    }
    changed = await gateway.client.patch(path, json=changes, headers=gateway.admin)
    assert changed.status_code == 200
    expected = {name: value for name, value in made.items() if name != "key"} | changes
    assert changed.json() == expected
    unchanged = await gateway.client.patch(path, json={}, headers=gateway.admin)
    assert (unchanged.status_code, unchanged.json()) == (200, expected)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"name": null}',
        b'{"name": ""}',
        b'{"priority": null}',
        b'{"scopes": ["admin"]}',
        b'{"tenant": "other"}',
        b'{"key": "tri_mine"}',
        b'{"max_concurrency": 0}',
    ],
)
async def test_a_change_that_cannot_be_made_is_an_invalid_parameter(
    gateway: Gateway, body: bytes
) -> None:
    made = await create(gateway)
    path = f"/v1/admin/keys/{made['id']}"
    answer = await gateway.client.patch(path, content=body, headers=gateway.admin)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_a_rotated_key_has_its_id_and_terms_and_another_secret(gateway: Gateway) -> None:
    made = await create(gateway, **TERMS)
    path = f"/v1/admin/keys/{made['id']}/rotate"
    answer = await gateway.client.post(path, headers=gateway.admin)
    assert answer.status_code == 200
    rotated = answer.json()
    assert rotated["key"] != made["key"]
    assert {**rotated, "key": made["key"]} == made
    assert await status_with(gateway, rotated["key"]) == 200
    assert await status_with(gateway, made["key"]) == 401


async def test_both_secrets_are_good_until_the_time_of_grace_is_over(
    settings: GatewaySettings,
) -> None:
    settings.state_dir.mkdir()
    engine = await open_database(settings.effective_database_url)
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    keys = KeyStore(engine, "secret", clock=lambda: now)
    key, first = await keys.create(KeyTerms(name="app", scopes=frozenset({Scope.PREDICT})))
    _, second = await keys.rotate(key.id, 60)
    now += timedelta(seconds=59.9)
    assert await keys.recognise(first) == await keys.recognise(second) == key
    now += timedelta(seconds=0.1)
    with pytest.raises(UnknownApiKey):
        await keys.recognise(first)
    assert await keys.recognise(second) == key
    _, third = await keys.rotate(key.id, 60)
    with pytest.raises(UnknownApiKey):
        await keys.recognise(first)
    await keys.rotate(key.id, 0)
    for old in (second, third):
        with pytest.raises(UnknownApiKey):
            await keys.recognise(old)
    await engine.dispose()


async def test_a_key_expires_in_its_moment_with_no_look_at_the_table(
    settings: GatewaySettings,
) -> None:
    settings.state_dir.mkdir()
    engine = await open_database(settings.effective_database_url)
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    keys = KeyStore(engine, "secret", clock=lambda: now)
    terms = KeyTerms(
        name="app", scopes=frozenset({Scope.PREDICT}), expires_at=now + timedelta(minutes=1)
    )
    key, secret = await keys.create(terms)
    await engine.dispose()
    now += timedelta(seconds=59)
    assert await keys.recognise(secret) == key
    now += timedelta(seconds=1)
    with pytest.raises(ExpiredApiKey, match="2026-01-31T12:01"):
        await keys.recognise(secret)


@pytest.mark.parametrize("body", [b'{"grace_seconds": -1}', b'{"grace_seconds": 1e9}', b'{"x":1}'])
async def test_a_grace_that_makes_no_sense_is_an_invalid_parameter(
    gateway: Gateway, body: bytes
) -> None:
    made = await create(gateway)
    path = f"/v1/admin/keys/{made['id']}/rotate"
    answer = await gateway.client.post(path, content=body, headers=gateway.admin)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")
    assert await status_with(gateway, made["key"]) == 200


@pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")])
async def test_a_key_that_is_not_live_is_not_found(
    gateway: Gateway, method: str, path: str
) -> None:
    revoked = await create(gateway)
    await gateway.client.delete(f"/v1/admin/keys/{revoked['id']}", headers=gateway.admin)
    for key_id in (revoked["id"], "4f6c2a9b1d0e", "nobody", "%00%ff"):
        answer = await gateway.client.request(
            method, f"/v1/admin/keys/{key_id}{path}", content=b"{}", headers=gateway.admin
        )
        assert answer.status_code == 404, key_id
        assert answer.json()["error"]["code"] == "unknown_key"


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", "/4f6c2a9b1d0e")])
async def test_a_body_that_says_it_is_no_json_is_an_unsupported_media_type(
    gateway: Gateway, method: str, path: str
) -> None:
    for declared in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = await gateway.client.request(
            method,
            f"/v1/admin/keys{path}",
            content=b'{"name": "x"}',
            headers={**gateway.admin, "Content-Type": declared},
        )
        assert answer.status_code == 415, declared
        assert answer.json()["error"]["code"] == "unsupported_media_type"


async def test_the_last_key_that_may_administer_can_neither_be_revoked_nor_expire(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    admin = gateway.admin
    keys = (await gateway.client.get("/v1/admin/keys", headers=admin)).json()["keys"]
    path = f"/v1/admin/keys/{keys[0]['id']}"
    await create(gateway, scopes=["admin"], expires_at="2026-01-31T12:00:00Z")  # no help
    for method, body in [("DELETE", b""), ("PATCH", b'{"expires_at": "2099-01-31T12:00:00Z"}')]:
        answer = await gateway.client.request(method, path, content=body, headers=admin)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_admin_key")
    assert (await gateway.client.get("/v1/admin/keys", headers=admin)).status_code == 200
    another = await create(gateway, scopes=["admin"])
    assert (await gateway.client.delete(path, headers=admin)).status_code == 204
    refused = await gateway.client.delete(
        f"/v1/admin/keys/{another['id']}", headers={"X-API-Key": another["key"]}
    )
    assert refused.status_code == 409


async def test_two_admin_keys_that_revoke_each_other_at_once_leave_one(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    keys = (await gateway.client.get("/v1/admin/keys", headers=gateway.admin)).json()["keys"]
    another = await create(gateway, scopes=["admin"])
    answers = await asyncio.gather(
        gateway.client.delete(f"/v1/admin/keys/{another['id']}", headers=gateway.admin),
        gateway.client.delete(
            f"/v1/admin/keys/{keys[0]['id']}", headers={"X-API-Key": another["key"]}
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_openapi_says_what_a_key_id_is_and_every_status(gateway: Gateway) -> None:
    described = (await gateway.client.get("/openapi.json")).json()["paths"]
    rotate = described["/v1/admin/keys/{key_id}/rotate"]["post"]
    (parameter,) = rotate["parameters"]
    assert parameter["schema"]["pattern"] == "^[0-9a-f]{12}$"
    for path, ways in described.items():
        if path.startswith("/v1/admin/keys"):
            for method, way in ways.items():
                assert "422" not in way["responses"], (method, path)
                assert {"401", "403", "503"} <= set(way["responses"])
    patch = described["/v1/admin/keys/{key_id}"]["patch"]
    schema = patch["requestBody"]["content"]["application/json"]["schema"]
    assert "default" not in str(schema)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/admin/keys", "GET, POST"),
        ("/v1/admin/keys/4f6c2a9b1d0e", "DELETE, PATCH"),
        ("/v1/admin/keys/4f6c2a9b1d0e/rotate", "POST"),
    ],
)
async def test_a_method_that_a_path_has_not_is_told_all_that_it_has(
    gateway: Gateway, path: str, allowed: str
) -> None:
    answer = await gateway.client.put(path, headers=gateway.admin)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
