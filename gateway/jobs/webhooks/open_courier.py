"""The courier of a worker, where that worker can sign as the gateways do."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.keys import KeyStore
from gateway.control_plane.secret_files import read_secret
from gateway.jobs.webhooks.caller import WebhookCaller
from gateway.jobs.webhooks.courier import Courier
from gateway.jobs.webhooks.notice_store import NoticeStore
from gateway.jobs.webhooks.signature import WebhookSecrets
from gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def open_courier(
    settings: GatewaySettings, engine: AsyncEngine
) -> AsyncIterator[Courier | None]:
    """Open it; None where the gateways' hash secret is not in the state folder.

    A worker makes none: signed under another one, a webhook would be refused by whoever checks it.

    Raises:
        StartRefused: the secret is open to others.
        DatabaseUnavailable: the database does not answer.
    """
    hash_secret = read_secret(settings.state_dir / "key-hash.secret")
    if hash_secret is None or not await KeyStore(engine, hash_secret).is_under_our_secret():
        logger.warning(
            "this worker calls no webhooks: the gateways' key-hash.secret is not in %s",
            settings.state_dir,
        )
        yield None
        return
    caller = WebhookCaller(settings.webhooks_allowed)
    courier = Courier(NoticeStore(engine), caller, WebhookSecrets(hash_secret))
    try:
        yield courier
    finally:
        await courier.close()
