"""What a first start leaves in the state folder, and what a later one mends."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from gateway.errors import StartRefused
from gateway.main import create_app
from gateway.settings import GatewaySettings
from tests.unit.gateway.running_gateway import Gateway, gateway_in_process

_SECRETS = ("admin.key", "ui.key", "key-hash.secret")
_FILES = (*_SECRETS, "state-folder.id")


async def _keys(gateway: Gateway) -> list[dict[str, Any]]:
    listed = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
    keys: list[dict[str, Any]] = listed.json()["keys"]
    return keys


async def _live(gateway: Gateway) -> list[str]:
    return [key["name"] for key in await _keys(gateway) if key["revoked_at"] is None]


@pytest.fixture
def generous_umask() -> Iterator[None]:
    """A shell that would let everybody read every new file."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("generous_umask")
async def test_a_first_start_makes_two_keys_and_a_secret_that_only_the_owner_can_read(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        assert settings.state_dir.stat().st_mode & 0o777 == 0o700
        for name in _FILES:
            assert (settings.state_dir / name).stat().st_mode & 0o777 == 0o600
        database = {"triptych.db", "triptych.db-wal", "triptych.db-shm"}
        assert {file.name for file in settings.state_dir.iterdir()} == {*_FILES, *database}
        for name, status in [("admin", 200), ("ui", 403)]:
            key = (settings.state_dir / f"{name}.key").read_text()
            assert re.fullmatch(r"tri_[A-Za-z0-9_-]{43}\n", key)
            answer = await gateway.client.get("/v1/admin/keys", headers={"X-API-Key": key.strip()})
            assert answer.status_code == status


async def test_a_second_start_keeps_keys_and_secret(settings: GatewaySettings) -> None:
    async with gateway_in_process(settings):
        before = [(settings.state_dir / name).read_bytes() for name in _FILES]
    async with gateway_in_process(settings) as gateway:
        assert [(settings.state_dir / name).read_bytes() for name in _FILES] == before
        assert [key["name"] for key in await _keys(gateway)] == ["admin", "ui"]


async def test_a_revoked_first_key_is_replaced_at_the_next_start(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        revoked = gateway.admin
        ui_key, admin_key = sorted(await _keys(gateway), key=lambda key: str(key["scopes"]))[::-1]
        another = {"name": "another", "scopes": ["admin"]}
        await gateway.client.post("/v1/admin/keys", json=another, headers=revoked)
        for key in (ui_key, admin_key):
            path = f"/v1/admin/keys/{key['id']}"
            answer = await gateway.client.delete(path, headers=revoked)
            assert answer.status_code == 204
    async with gateway_in_process(settings) as gateway:
        assert gateway.admin != revoked
        assert sorted(await _live(gateway)) == ["admin", "another", "ui"]
        assert (await gateway.client.get("/metrics", headers=revoked)).status_code == 401


@pytest.mark.parametrize("name", ["admin", "ui"])
async def test_a_first_key_whose_file_was_deleted_is_revoked_where_it_is_replaced(
    settings: GatewaySettings, name: str
) -> None:
    async with gateway_in_process(settings) as gateway:
        old = {"X-API-Key": (settings.state_dir / f"{name}.key").read_text().strip()}
        namesake = {"name": name, "scopes": ["predict"]}  # made by hand, so none of the file's
        await gateway.client.post("/v1/admin/keys", json=namesake, headers=gateway.admin)
    (settings.state_dir / f"{name}.key").unlink()
    async with gateway_in_process(settings) as gateway:
        assert sorted(await _live(gateway)) == sorted(["admin", "ui", name])
        answer = await gateway.client.get("/v1/routes", headers=old)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unknown_api_key")


async def test_a_renamed_or_expired_first_key_is_still_the_one_that_a_new_one_replaces(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        _, ui_key = await _keys(gateway)
        changes = {"name": "page", "expires_at": "2026-01-31T12:00:00Z"}
        path = f"/v1/admin/keys/{ui_key['id']}"
        await gateway.client.patch(path, json=changes, headers=gateway.admin)
        answer = await gateway.client.get("/v1/routes", headers=gateway.ui)
        assert answer.json()["error"]["code"] == "expired_api_key"
    async with gateway_in_process(settings) as gateway:
        assert await _live(gateway) == ["admin", "ui"]
        assert (await gateway.client.get("/v1/routes", headers=gateway.ui)).status_code == 200


async def test_a_rotated_first_key_has_its_new_secret_in_its_file(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        before = gateway.admin
        for key in await _keys(gateway):
            path = f"/v1/admin/keys/{key['id']}/rotate"
            made = (await gateway.client.post(path, headers=gateway.admin)).json()
            file = settings.state_dir / f"{key['name']}.key"
            assert file.read_text().strip() == made["key"]
            assert file.stat().st_mode & 0o777 == 0o600
        assert (await gateway.client.get("/metrics", headers=before)).status_code == 401
        assert (await gateway.client.get("/metrics", headers=gateway.admin)).status_code == 200


async def test_a_rotated_first_key_is_shown_even_where_its_file_cannot_be_written(
    settings: GatewaySettings, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway_in_process(settings) as gateway:
        admin = gateway.admin
        ui_key = (await _keys(gateway))[1]
        (settings.state_dir / "ui.key").unlink()
        (settings.state_dir / "ui.key").mkdir()
        path = f"/v1/admin/keys/{ui_key['id']}/rotate"
        made = await gateway.client.post(path, headers=admin)
        assert made.status_code == 200
        headers = {"X-API-Key": made.json()["key"]}
        assert (await gateway.client.get("/v1/routes", headers=headers)).status_code == 200
        assert "is not in its file" in caplog.text
        assert made.json()["key"] not in caplog.text


@pytest.mark.parametrize("name", _SECRETS)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
async def test_a_secret_that_is_open_to_others_refuses_the_start_in_one_sentence(
    settings: GatewaySettings, name: str, mode: int
) -> None:
    async with gateway_in_process(settings):
        pass
    (settings.state_dir / name).chmod(mode)
    with pytest.raises(StartRefused) as refused:
        async with gateway_in_process(settings):
            pass
    assert name in str(refused.value)
    assert "chmod 600" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("garbage", [b"\n", b"\xff\xfe\x00garbled"])
async def test_a_garbled_first_key_is_replaced_at_the_next_start(
    settings: GatewaySettings, garbage: bytes
) -> None:
    async with gateway_in_process(settings):
        ui_key = (settings.state_dir / "ui.key").read_bytes()
    (settings.state_dir / "admin.key").write_bytes(garbage)
    async with gateway_in_process(settings) as gateway:
        assert (await gateway.client.get("/metrics", headers=gateway.admin)).status_code == 200
        assert (settings.state_dir / "admin.key").stat().st_mode & 0o777 == 0o600
        assert (settings.state_dir / "ui.key").read_bytes() == ui_key


async def test_without_its_secret_a_table_of_keys_opens_nothing(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        old = gateway.admin
    (settings.state_dir / "key-hash.secret").unlink()
    async with gateway_in_process(settings) as gateway:
        assert await _live(gateway) == ["admin", "ui"]
        assert (await gateway.client.get("/metrics", headers=old)).status_code == 401
        assert (await gateway.client.get("/metrics", headers=gateway.admin)).status_code == 200


async def test_an_empty_secret_is_not_used(settings: GatewaySettings) -> None:
    settings.state_dir.mkdir()
    (settings.state_dir / "key-hash.secret").write_text("\n")
    (settings.state_dir / "key-hash.secret").chmod(0o600)
    async with gateway_in_process(settings):
        assert len((settings.state_dir / "key-hash.secret").read_text()) > 40


async def test_a_refused_start_is_reported_to_the_server_without_a_traceback(
    settings: GatewaySettings,
) -> None:
    settings.state_dir.mkdir()
    (settings.state_dir / "key-hash.secret").touch(mode=0o644)
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(dict(message))

    with pytest.raises(StartRefused):
        await create_app(settings)({"type": "lifespan", "app": None}, receive, send)
    (report,) = said
    assert report["type"] == "lifespan.startup.failed"
    assert report["message"].startswith("the gateway does not start: ")
    assert "\n" not in report["message"]
