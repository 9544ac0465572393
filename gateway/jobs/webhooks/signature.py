"""How a webhook proves that it comes from here: Standard Webhooks, one secret per key.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
from typing import Final

_PREFIX: Final = "whsec_"


class WebhookSecrets:
    """Makes the secrets out of one that is there already, so that none has to be stored.

    Args:
        hash_secret: The gateway's, in <state>/key-hash.secret.
    """

    def __init__(self, hash_secret: str) -> None:
        self._hash_secret = hash_secret.encode()

    def of(self, key_id: str) -> str:
        """The secret under which the webhooks of a key's jobs are signed; its owner may see it."""
        secret = hmac.digest(self._hash_secret, f"webhook:{key_id}".encode(), "sha256")
        return _PREFIX + base64.b64encode(secret).decode()


def signed_headers(whsec: str, message_id: str, moment: int, body: bytes) -> dict[str, str]:
    """The three headers of a message.

    Args:
        whsec: As WebhookSecrets made it.
        message_id: The same at each attempt, so that who got it twice can tell.
        moment: Of this attempt, in Unix seconds.
        body: As it is sent.
    """
    signed = f"{message_id}.{moment}.".encode() + body
    digest = hmac.digest(base64.b64decode(whsec.removeprefix(_PREFIX)), signed, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
