"""/v1/admin/keys: create, list, revoke; and that a key itself is shown once."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import event
from sqlalchemy.util import await_only

from gateway.control_plane.api_key import KeyTerms, Scope
from gateway.control_plane.database import open_database
from gateway.control_plane.keys import KeyStore
from gateway.errors import UnknownApiKey
from gateway.settings import GatewaySettings
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until


async def test_a_new_key_is_shown_once_and_works_at_once(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    answer = await gateway.client.post(
        "/v1/admin/keys",
        json={"name": "nightly batch", "scopes": ["predict", "metrics"]},
        headers=gateway.admin,
    )
    assert answer.status_code == 201
    created = answer.json()
    assert re.fullmatch(r"tri_[A-Za-z0-9_-]{43}", created.pop("key"))
    assert re.fullmatch(r"[0-9a-f]{12}", created["id"])
    assert created["name"] == "nightly batch"
    assert created["scopes"] == ["metrics", "predict"]
    assert created["revoked_at"] is None
    age = datetime.now(UTC) - datetime.fromisoformat(created["created_at"])
    assert timedelta() <= age < timedelta(seconds=30)

    listed = (await gateway.client.get("/v1/admin/keys", headers=gateway.admin)).json()["keys"]
    assert [key["name"] for key in listed] == ["admin", "ui", "nightly batch"]
    assert listed[-1].pop("usage")["last_used_at"] is None
    assert listed[-1] == created
    key = {"X-API-Key": answer.json()["key"]}
    assert (await gateway.client.get("/v1/routes", headers=key)).status_code == 200


async def test_a_key_is_for_predicting_where_no_scope_is_named(
    gateway: Gateway,
) -> None:
    answer = await gateway.client.post(
        "/v1/admin/keys", content=b'{"name": "app"}', headers=gateway.admin
    )
    assert answer.status_code == 201
    assert answer.json()["scopes"] == ["predict"]


NO_KEYS: Final = [
    b"",
    b"null",
    b"{",
    b"\xff\xfe",
    b"[" * 10_000,
    b"{}",
    b'{"name": ""}',
    b'{"name": "%s"}' % (b"x" * 101),
    b'{"name": 7}',
    b'{"name": "\\ud800"}',
    b'{"name": "x", "scopes": []}',
    b'{"name": "x", "scopes": ["root"]}',
    b'{"name": "x", "scope": ["predict"]}',
    b'{"name": "x", "id": "4f6c2a9b1d0e"}',
    b'{"name": "a\\u0000b"}',
    b'{"name": "a\\u001b[2Jb"}',
    b'{"name": "x", "tenant": ""}',
    b'{"name": "x", "tenant": "a b"}',
    b'{"name": "x", "allowed": []}',
    b'{"name": "x", "allowed": ["Digits"]}',
    b'{"name": "x", "allowed": ["digits_r0"]}',
    b'{"name": "x", "allowed": ["digits_r1_model"]}',
    b'{"name": "x", "allowed": ["digits\\n"]}',
    b'{"name": "x", "allowed": "digits"}',
    b'{"name": "x", "priority": "urgent"}',
    b'{"name": "x", "expires_at": "soon"}',
    b'{"name": "x", "expires_at": "2027-01-31T12:00:00"}',
    b'{"name": "x", "expires_at": "0001-01-01T00:00:00+14:00"}',
    b'{"name": "x", "expires_at": 1800000000}',
    b'{"name": "x", "requests_per_minute": 0}',
    b'{"name": "x", "requests_per_minute": "60"}',
    b'{"name": "x", "bytes_per_minute": 9007199254740992}',
    b'{"name": "x", "max_concurrency": -1}',
    b'{"name": "x", "max_concurrency": true}',
]


@pytest.mark.parametrize("body", NO_KEYS, ids=lambda body: body[:60])
async def test_a_wish_that_cannot_be_a_key_is_an_invalid_parameter(
    gateway: Gateway, body: bytes
) -> None:
    answer = await gateway.client.post("/v1/admin/keys", content=body, headers=gateway.admin)
    assert answer.status_code == 400, body[:30]
    error = answer.json()["error"]
    assert error["code"] == "invalid_parameter"
    assert error["message"].startswith("body")


async def test_a_wish_for_a_key_is_short(gateway: Gateway) -> None:
    answer = await gateway.client.post(
        "/v1/admin/keys", content=b" " * 20_000 + b'{"name": "x"}', headers=gateway.admin
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"


async def test_a_revoked_key_stays_in_the_list_with_the_time_of_its_end(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    created = await gateway.client.post(
        "/v1/admin/keys", json={"name": "app"}, headers=gateway.admin
    )
    path = f"/v1/admin/keys/{created.json()['id']}"
    assert (await gateway.client.delete(path, headers=gateway.admin)).status_code == 204
    listed = (await gateway.client.get("/v1/admin/keys", headers=gateway.admin)).json()["keys"]
    age = datetime.now(UTC) - datetime.fromisoformat(listed[-1]["revoked_at"])
    assert timedelta() <= age < timedelta(seconds=30)


async def test_a_key_that_is_not_live_cannot_be_revoked(gateway: Gateway) -> None:
    created = await gateway.client.post(
        "/v1/admin/keys", json={"name": "app"}, headers=gateway.admin
    )
    path = f"/v1/admin/keys/{created.json()['id']}"
    await gateway.client.delete(path, headers=gateway.admin)
    for unknown in (path, "/v1/admin/keys/nobody", "/v1/admin/keys/%00%ff"):
        answer = await gateway.client.delete(unknown, headers=gateway.admin)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_key"


async def test_a_slow_look_at_the_table_does_not_bring_a_revoked_key_back(
    settings: GatewaySettings,
) -> None:
    settings.state_dir.mkdir()
    engine = await open_database(settings.effective_database_url)
    keys = KeyStore(engine, "secret")
    key, secret = await keys.create(KeyTerms(name="app", scopes=frozenset({Scope.PREDICT})))
    has_read, may_go_on = asyncio.Event(), asyncio.Event()

    @event.listens_for(engine.sync_engine, "after_cursor_execute", once=True)
    def be_slow(*_: object) -> None:
        has_read.set()
        await_only(may_go_on.wait())

    reading = asyncio.create_task(keys.refresh())
    await has_read.wait()
    revoking = asyncio.create_task(keys.revoke(key.id))
    await asyncio.wait([revoking], timeout=0.1)  # it may end first, or wait for the reader
    may_go_on.set()
    await asyncio.gather(reading, revoking)
    with pytest.raises(UnknownApiKey):
        await keys.recognise(secret)
    await engine.dispose()


async def test_what_another_process_does_to_the_keys_is_seen_soon(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    headers = gateway.ui
    with sqlite3.connect(settings.state_dir / "triptych.db") as database:
        database.execute("UPDATE api_keys SET revoked_at = '2026-01-31' WHERE name = 'ui'")
        database.execute("UPDATE key_revision SET revision = revision + 1")
    database.close()

    async def is_refused() -> bool:
        return (await gateway.client.get("/v1/routes", headers=headers)).status_code == 401

    await until(is_refused)


async def test_the_whole_table_is_read_only_when_it_changed(
    settings: GatewaySettings,
) -> None:
    settings.state_dir.mkdir()
    engine = await open_database(settings.effective_database_url)
    keys = KeyStore(engine, "secret")
    await keys.refresh()
    asked: list[str] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def remember(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    await keys.poll()
    assert [statement for statement in asked if "api_keys" in statement] == []
    other = KeyStore(engine, "secret")
    _, secret = await other.create(KeyTerms(name="app", scopes=frozenset({Scope.PREDICT})))
    await keys.poll()
    assert (await keys.recognise(secret)).name == "app"
    await engine.dispose()


async def test_keys_stay_in_force_while_their_table_is_away_and_that_is_told_once(
    settings: GatewaySettings, start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    made = await gateway.client.post(
        "/v1/admin/keys", json={"name": "short", "expires_at": soon}, headers=gateway.admin
    )
    short = {"X-API-Key": made.json()["key"]}
    database = sqlite3.connect(settings.state_dir / "triptych.db", isolation_level=None)
    database.execute("ALTER TABLE key_revision RENAME TO elsewhere")
    await until(lambda: "cannot read the keys" in caplog.text)

    async def has_expired() -> bool:
        answer = await gateway.client.get("/v1/routes", headers=short)
        return bool(answer.json().get("error", {}).get("code") == "expired_api_key")

    await until(has_expired)
    assert (await gateway.client.get("/v1/routes", headers=gateway.ui)).status_code == 200
    for method, path in [("POST", "/v1/admin/keys"), ("DELETE", "/v1/admin/keys/4f6c2a9b1d0e")]:
        refused = await gateway.client.request(
            method, path, content=b'{"name": "app"}', headers=gateway.admin
        )
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "database_unavailable"
        assert refused.headers["Retry-After"] == "1"
    database.execute("ALTER TABLE elsewhere RENAME TO key_revision")
    database.close()
    await until(lambda: "can be read again" in caplog.text)
    assert caplog.text.count("cannot read the keys") == 1
    created = await gateway.client.post(
        "/v1/admin/keys", json={"name": "app"}, headers=gateway.admin
    )
    assert created.status_code == 201


async def test_a_scope_that_only_a_newer_gateway_knows_opens_nothing_and_harms_nobody(
    settings: GatewaySettings, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01)
    with sqlite3.connect(settings.state_dir / "triptych.db") as database:
        database.execute("UPDATE api_keys SET scopes = 'predict root' WHERE name = 'ui'")
        database.execute("UPDATE key_revision SET revision = revision + 1")
    database.close()
    assert (await gateway.client.get("/v1/routes", headers=gateway.ui)).status_code == 200
    listed = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
    assert [key["scopes"] for key in listed.json()["keys"]] == [["admin"], ["predict"]]


async def test_no_key_is_ever_written_into_the_list_the_log_or_the_table(
    settings: GatewaySettings, start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    gateway = await start_gateway()
    created = await gateway.client.post(
        "/v1/admin/keys", json={"name": "nightly"}, headers=gateway.admin
    )
    secrets = [
        created.json()["key"],
        gateway.admin["X-API-Key"],
        gateway.ui["X-API-Key"],
        (settings.state_dir / "key-hash.secret").read_text().strip(),
    ]
    for secret in secrets:
        await gateway.client.get("/v1/routes", headers={"Authorization": f"Bearer {secret}"})
    listed = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
    await gateway.client.delete(f"/v1/admin/keys/{created.json()['id']}", headers=gateway.admin)
    logged = "".join(str(record.__dict__) for record in caplog.records)
    table = b"".join(file.read_bytes() for file in settings.state_dir.glob("triptych.db*"))
    assert b"nightly" in table
    for secret in secrets:
        assert secret not in listed.text
        assert secret not in logged
        assert secret.encode() not in table
