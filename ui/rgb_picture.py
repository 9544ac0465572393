"""Bare pixels -> a picture that a browser can show. Pure."""

from __future__ import annotations

import base64
import struct
import urllib.parse
import zlib
from dataclasses import dataclass, field

CHANNELS = 3

# As large as the SVG says it is; a page stretches it to the room that there is.
SIDE_PIXELS = 300


@dataclass(frozen=True)
class RgbPicture:
    """Pixels as a model is given them.

    Attributes:
        height_pixels: Rows.
        width_pixels: Pixels per row.
        rgb: Row by row, three bytes per pixel; kept out of repr so that they never reach a log.

    Raises:
        ValueError: There are more or fewer bytes than that.
    """

    height_pixels: int
    width_pixels: int
    rgb: bytes = field(repr=False)

    def __post_init__(self) -> None:
        sides = min(self.height_pixels, self.width_pixels)
        if sides < 1 or len(self.rgb) != self.height_pixels * self.width_pixels * CHANNELS:
            raise ValueError("a picture whose pixels do not fill it")

    @property
    def png(self) -> bytes:
        """As PNG, 8 bits per colour, no filter: https://www.w3.org/TR/png-3/."""
        row_bytes = self.width_pixels * CHANNELS
        starts = range(0, len(self.rgb), row_bytes)
        rows = b"".join(b"\0" + self.rgb[start : start + row_bytes] for start in starts)
        header = struct.pack(">IIBBBBB", self.width_pixels, self.height_pixels, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)

    @property
    def data_url(self) -> str:
        """As an address that a browser can show: enlarged, each pixel stays a square."""
        encoded = base64.b64encode(self.png).decode("ascii")
        height = max(1, round(SIDE_PIXELS * self.height_pixels / self.width_pixels))
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE_PIXELS}" height="{height}">'
            f'<image href="data:image/png;base64,{encoded}" width="{SIDE_PIXELS}"'
            f' height="{height}" style="image-rendering:pixelated"/></svg>'
        )
        return f"data:image/svg+xml,{urllib.parse.quote(svg, safe='/:;,=+ ')}"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
