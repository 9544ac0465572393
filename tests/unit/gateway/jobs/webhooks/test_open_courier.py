"""A worker signs as the gateways do, or calls nobody."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.keys import KeyStore
from gateway.control_plane.secret_files import write_secret
from gateway.jobs.job_store import JobStore
from gateway.jobs.webhooks.open_courier import open_courier
from gateway.settings import GatewaySettings
from tests.unit.gateway.jobs.webhooks.conftest import ended, noticed


async def test_with_the_gateways_secret_it_delivers(
    settings: GatewaySettings, engine: AsyncEngine, jobs: JobStore
) -> None:
    write_secret(settings.state_dir / "key-hash.secret", "theirs")
    await KeyStore(engine, "theirs").agree_on_secret(is_own_database=True)
    job = await ended(jobs, "http://127.0.0.1:9/")

    async with open_courier(settings, engine) as courier:
        assert courier is not None
        await courier.tick()
        await courier.finish()

    assert "not public" in (await noticed(engine, job)).trouble


@pytest.mark.parametrize("secret", [None, "another"])
async def test_without_it_there_is_no_courier_and_none_is_made_up(
    settings: GatewaySettings,
    engine: AsyncEngine,
    caplog: pytest.LogCaptureFixture,
    secret: str | None,
) -> None:
    file = settings.state_dir / "key-hash.secret"
    await KeyStore(engine, "theirs").agree_on_secret(is_own_database=True)
    if secret:
        write_secret(file, secret)

    async with open_courier(settings, engine) as courier:
        assert courier is None

    assert "calls no webhooks" in caplog.text
    assert file.exists() is (secret is not None)
