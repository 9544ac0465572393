"""A text as a person gave it, and how it travels to the gateway."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class WrittenText:
    """One text.

    Attributes:
        text: Never blank; kept out of repr so that it never reaches a log.
    """

    text: str = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type of data."""
        return "application/json"

    @property
    def data(self) -> bytes:
        """The body of the request, in ASCII: what is no character is the gateway's to refuse."""
        return json.dumps({"text": self.text}).encode("ascii")

    @property
    def digest(self) -> str:
        """SHA-256 of the body, as hex."""
        return hashlib.sha256(self.data).hexdigest()
