"""What the gateway answers to POST /v1/preview/{alias}."""

from __future__ import annotations

import httpx

# Two rows of three pixels: red, green, blue; black, grey, white.
RGB = bytes.fromhex("ff0000 00ff00 0000ff 000000 808080 ffffff")


def preview_answer(release: str = "digits_r1", rgb: bytes = RGB, **headers: str) -> httpx.Response:
    """A preview of two rows of three pixels; keywords change headers, `_` is written `-`."""
    told = {"X-Pixels-Shape": "2,3,3", "X-Pixels-Type": "UINT8", "X-Release": release}
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(
        200, content=rgb, headers={"Content-Type": "application/octet-stream"} | told | changed
    )
