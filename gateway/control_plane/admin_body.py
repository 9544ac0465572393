"""A small JSON body of the control plane: read after the key is checked, and checked itself."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from gateway.data_plane.request_body import read_body
from gateway.errors import UnsupportedMediaType
from gateway.settings import BodyPatience

Body = TypeVar("Body", bound=BaseModel)

_MAX_BODY_BYTES: Final = 16 * 1024


async def read_json(
    request: Request, model: type[Body], patience: BodyPatience, *, empty: bytes = b""
) -> Body:
    """Read the body as one of our models; `empty` is what an empty body means.

    Raises:
        UnsupportedMediaType: it says that it is something else than JSON.
        RequestValidationError: it is no JSON, or not of that form.
    """
    declared = request.headers.get("content-type", "application/json")
    if declared.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType("send application/json")
    content = await read_body(request, _MAX_BODY_BYTES, patience)
    try:
        return model.model_validate_json(content or empty)
    except ValidationError as exc:
        raise RequestValidationError(
            [{**error, "loc": ("body", *error["loc"])} for error in exc.errors()]
        ) from exc


def described(
    model: type[BaseModel], *, example: dict[str, Any], is_required: bool = True
) -> dict[str, Any]:
    """Describe the body for OpenAPI; a declared one would be read before the key is checked."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)  # the enumerations, which the answers bring along
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": is_required, "content": content}}
