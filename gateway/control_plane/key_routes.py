"""/v1/admin/keys: create (shown once), list, revoke."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from gateway.control_plane.keys import ApiKey, Scope
from gateway.data_plane.request_body import read_body
from gateway.dependencies import Keys, Settings, require
from gateway.schemas import CreatedKey, KeyDescription, KeyList, NewKey

router = APIRouter(
    prefix="/v1/admin/keys", tags=["keys"], dependencies=[Depends(require(Scope.ADMIN))]
)

_MAX_BODY_BYTES: Final = 16 * 1024


def _new_key_body() -> dict[str, Any]:
    """Describe the body for OpenAPI; a declared one would be read before the key is checked."""
    schema = NewKey.model_json_schema(ref_template="#/components/schemas/{model}")
    del schema["$defs"]  # Scope, which the answers bring along
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _describe(key: ApiKey) -> KeyDescription:
    return KeyDescription(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        created_at=key.created_at,
        revoked_at=key.revoked_at,
    )


@router.post(
    "",
    status_code=201,
    openapi_extra=_new_key_body(),
    summary="Create a key; the answer is the only time it is shown",
)
async def create_key(request: Request, keys: Keys, settings: Settings) -> CreatedKey:
    """Create a key with a name and scopes."""
    body = await read_body(request, _MAX_BODY_BYTES, settings.body_patience)
    try:
        wanted = NewKey.model_validate_json(body)
    except ValidationError as exc:
        raise RequestValidationError(
            [{**error, "loc": ("body", *error["loc"])} for error in exc.errors()]
        ) from exc
    key, secret = await keys.create(wanted.name, frozenset(wanted.scopes))
    return CreatedKey(**_describe(key).model_dump(), key=secret)


@router.get("", summary="List keys, revoked ones too")
async def list_keys(keys: Keys) -> KeyList:
    """List every key; no key itself is ever shown again."""
    return KeyList(keys=[_describe(key) for key in await keys.list_all()])


@router.delete("/{key_id}", status_code=204, summary="Revoke a key")
async def revoke_key(key_id: str, keys: Keys) -> None:
    """Revoke a key; it stops working at once."""
    await keys.revoke(key_id)
