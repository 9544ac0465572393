"""GET /v1/key: what the holder of a key may know of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.control_plane.key_schemas import KeyDescription, described_key
from gateway.dependencies import require
from gateway.openapi_errors import refusals

router = APIRouter(prefix="/v1/key", tags=["keys"])

_AnyKey = Annotated[ApiKey, Depends(require(*Scope))]


@router.get("", responses=refusals(401), summary="Whose key this is, and what it may do")
async def show_own_key(key: _AnyKey) -> KeyDescription:
    """Show the key that came with the request, whatever it may do; never the key itself."""
    return described_key(key)
