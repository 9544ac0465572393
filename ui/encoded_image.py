"""A picture as a person gave it: its name and its bytes, never decoded here."""

from __future__ import annotations

import base64
import hashlib
import re
import urllib.parse
from dataclasses import dataclass, field
from pathlib import PurePath

CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}

# What a file of each kind begins with; a WebP is a RIFF file that says so behind its length.
_BEGINNINGS = {
    ".jpg": re.compile(rb"\xff\xd8\xff"),
    ".png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    ".webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}


@dataclass(frozen=True)
class EncodedImage:
    """One encoded picture, JPEG, PNG or WebP.

    Attributes:
        name: File name, for people.
        data: The encoded bytes; kept out of repr so that they never reach a log.
    """

    name: str
    data: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type that the name promises; the gateway looks at the bytes itself."""
        return CONTENT_TYPES.get(PurePath(self.name).suffix.lower(), "application/octet-stream")

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, as hex."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def data_url(self) -> str:
        """The picture as an address that a browser can show.

        Handing Streamlit the bytes would decode them in this process: that costs memory for a huge
        picture, raises for a damaged one, and loses the rotation that phones write into JPEG.
        """
        return f"data:{self.content_type};base64,{base64.b64encode(self.data).decode('ascii')}"

    @property
    def square_data_url(self) -> str:
        """The same, cut to its middle square, so that thumbnails line up.

        The browser does the cutting: an SVG of one picture that fills its square.
        """
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300">'
            f'<image href="{self.data_url}" width="300" height="300"'
            ' preserveAspectRatio="xMidYMid slice"/></svg>'
        )
        return f"data:image/svg+xml,{urllib.parse.quote(svg, safe='/:;,=+ ')}"


def image_from_elsewhere(name: str, data: bytes) -> EncodedImage | None:
    """Take bytes without a file name for the picture that they begin like; None for anything else.

    Args:
        name: Without a suffix.
        data: Of which nothing is known.
    """
    for suffix, beginning in _BEGINNINGS.items():
        if beginning.match(data):
            return EncodedImage(f"{name}{suffix}", data)
    return None
