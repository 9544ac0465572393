"""/v1/admin/keys: create and rotate (shown once), list, change, revoke."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from gateway.control_plane.admin_body import described, read_json
from gateway.control_plane.api_key import ApiKey, KeyTerms, Scope
from gateway.control_plane.key_schemas import (
    ChangedKey,
    CreatedKey,
    KeyDescription,
    KeyList,
    NewKey,
    Rotation,
    described_key,
    used_key,
)
from gateway.control_plane.key_usage.usage import KeyUsage
from gateway.dependencies import FirstKeyFiles, Keys, KeyUsages, Settings, require
from gateway.openapi_errors import Responses, refusals

_UNUSUAL: Final[dict[int | str, str]] = {
    403: "scope_missing",
    404: "unknown_key",
    503: "database_unavailable",
}


def _refusals(*statuses: int) -> Responses:
    return refusals(*statuses, unusual=_UNUSUAL)


router = APIRouter(
    prefix="/v1/admin/keys",
    tags=["keys"],
    dependencies=[Depends(require(Scope.ADMIN))],
    responses=_refusals(401, 403, 503),
)

_NEW: Final = {"name": "shop", "allowed": ["digits"], "requests_per_minute": 600}
_CHANGE: Final = {"requests_per_minute": 60}
_WITH_BODY: Final = (400, 408, 413, 415)
_TERMS: Final = frozenset(field.name for field in fields(KeyTerms))
# Said to readers, not enforced: an id of another form is as unknown as any other.
KeyId = Annotated[
    str, Path(json_schema_extra={"pattern": "^[0-9a-f]{12}$"}, examples=["4f6c2a9b1d0e"])
]


@router.post(
    "",
    status_code=201,
    openapi_extra=described(NewKey, example=_NEW),
    responses=_refusals(*_WITH_BODY),
    summary="Create a key; the answer is the only time it is shown",
)
async def create_key(request: Request, keys: Keys, settings: Settings) -> CreatedKey:
    """Create a key with a name, scopes and limits."""
    wanted = await read_json(request, NewKey, settings.body_patience)
    terms = KeyTerms(**{name: getattr(wanted, name) for name in _TERMS})
    key, secret = await keys.create(terms, tenant=wanted.tenant)
    return CreatedKey(**described_key(key).model_dump(), key=secret)


@router.get(
    "",
    response_model=KeyList,
    summary="List keys, revoked ones too, and what they were used for",
)
async def list_keys(keys: Keys, usages: KeyUsages) -> Response:
    """List every key; no key itself is ever shown again."""
    used, listed = await usages.of_all(), await keys.list_all()
    # Of ten thousand keys this takes a second, which no prediction is to wait for.
    body = await asyncio.to_thread(_written, listed, used)
    return Response(body, media_type="application/json")


def _written(keys: Sequence[ApiKey], used: Mapping[str, KeyUsage]) -> str:
    listed = [used_key(key, used.get(key.id, KeyUsage())) for key in keys]
    return KeyList(keys=listed).model_dump_json()


@router.patch(
    "/{key_id}",
    openapi_extra=described(ChangedKey, example=_CHANGE),
    responses=_refusals(404, 409, *_WITH_BODY),
    summary="Change a key's name, limits or expiry",
)
async def change_key(
    key_id: KeyId, request: Request, keys: Keys, settings: Settings
) -> KeyDescription:
    """Change what the body names and nothing else; scopes and tenant stay for ever."""
    wanted = await read_json(request, ChangedKey, settings.body_patience)
    changes = {name: getattr(wanted, name) for name in wanted.model_fields_set}
    key = await keys.change(key_id, lambda terms: replace(terms, **changes))
    return described_key(key)


@router.post(
    "/{key_id}/rotate",
    openapi_extra=described(Rotation, example={"grace_seconds": 3600}, is_required=False),
    responses=_refusals(404, *_WITH_BODY),
    summary="Give a key a new secret; the answer is the only time it is shown",
)
async def rotate_key(
    key_id: KeyId, request: Request, keys: Keys, settings: Settings, files: FirstKeyFiles
) -> CreatedKey:
    """Keep id and limits, replace the secret; the old one is good for the time of grace."""
    wanted = await read_json(request, Rotation, settings.body_patience, empty=b"{}")
    key, secret = await keys.rotate(key_id, wanted.grace_seconds)
    files.keep_rotated(key, secret)
    return CreatedKey(**described_key(key).model_dump(), key=secret)


@router.delete("/{key_id}", status_code=204, responses=_refusals(404, 409), summary="Revoke a key")
async def revoke_key(key_id: KeyId, keys: Keys) -> None:
    """Revoke a key; it stops working at once."""
    await keys.revoke(key_id)
