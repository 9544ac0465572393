"""What a first start leaves in the state folder, and what a later one mends."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from gateway.settings import GatewaySettings
from tests.unit.gateway.running_gateway import gateway_in_process

_FILES = ("admin.key", "ui.key", "key-hash.secret")


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
        assert {file.name for file in settings.state_dir.iterdir()} == {*_FILES, "triptych.db"}
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
        listed = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
        assert [key["name"] for key in listed.json()["keys"]] == ["admin", "ui"]


async def test_a_revoked_first_key_is_replaced_at_the_next_start(
    settings: GatewaySettings,
) -> None:
    async with gateway_in_process(settings) as gateway:
        revoked = gateway.admin
        listed = await gateway.client.get("/v1/admin/keys", headers=revoked)
        key_id = listed.json()["keys"][0]["id"]
        await gateway.client.delete(f"/v1/admin/keys/{key_id}", headers=revoked)
    async with gateway_in_process(settings) as gateway:
        assert gateway.admin != revoked
        assert (await gateway.client.get("/metrics", headers=gateway.admin)).status_code == 200
        assert (await gateway.client.get("/metrics", headers=revoked)).status_code == 401


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
        assert (await gateway.client.get("/metrics", headers=old)).status_code == 401
        assert (await gateway.client.get("/metrics", headers=gateway.admin)).status_code == 200


async def test_an_empty_secret_is_not_used(settings: GatewaySettings) -> None:
    settings.state_dir.mkdir()
    (settings.state_dir / "key-hash.secret").write_text("\n")
    async with gateway_in_process(settings):
        assert len((settings.state_dir / "key-hash.secret").read_text()) > 40
