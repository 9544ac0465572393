"""GET /v1/key: what the holder of a key may know of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.control_plane.key_schemas import (
    KeyUsageDescription,
    OwnKey,
    described_key,
    described_usage,
)
from gateway.control_plane.key_usage.usage_store import UsageStore
from gateway.dependencies import KeyUsages, require
from gateway.errors import DatabaseUnavailable
from gateway.openapi_errors import refusals

router = APIRouter(prefix="/v1/key", tags=["keys"])

_AnyKey = Annotated[ApiKey, Depends(require(*Scope))]
# Who asks what a key may do, as the UI does all the time, need not wait for what it has done.
_USAGE_SECONDS: Final = 0.5


@router.get("", responses=refusals(401), summary="Whose key this is, what it may do and has done")
async def show_own_key(key: _AnyKey, usages: KeyUsages) -> OwnKey:
    """Show the key that came with the request, whatever it may do; never the key itself."""
    return OwnKey(**described_key(key).model_dump(), usage=await _usage_soon(usages, key.id))


async def _usage_soon(usages: UsageStore, key_id: str) -> KeyUsageDescription | None:
    try:
        async with asyncio.timeout(_USAGE_SECONDS):
            return described_usage(await usages.of(key_id))
    except (DatabaseUnavailable, TimeoutError):
        return None
