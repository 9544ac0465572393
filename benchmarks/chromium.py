"""How a real browser is started, for tests and measurements of the page."""

from __future__ import annotations

import shutil
from typing import Final

# Debian's; where there is none, Playwright takes the one that it brought itself.
CHROMIUM: Final = shutil.which("chromium")
# No sandbox inside containers and as root; the rest keeps Chromium from calling home.
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
