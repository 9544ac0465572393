"""GET /v1/key/webhook-secret: under which the webhooks of a key's jobs are signed."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.dependencies import PredictKey, WebhookKeys
from gateway.openapi_errors import refusals

_UNUSUAL: Final[dict[int | str, str]] = {403: "scope_missing"}

router = APIRouter(prefix="/v1/key", tags=["keys"])


class WebhookSecret(BaseModel):
    """As libraries for Standard Webhooks take it."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


@router.get(
    "/webhook-secret",
    responses=refusals(401, 403, unusual=_UNUSUAL),
    summary="The secret that signs the webhooks of this key's jobs",
)
async def show_webhook_secret(key: PredictKey, secrets: WebhookKeys) -> WebhookSecret:
    """Always the same for a key, also after it was rotated; no other key is shown it."""
    return WebhookSecret(secret=secrets.of(key.id))
