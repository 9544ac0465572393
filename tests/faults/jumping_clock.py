"""A wall clock that jumps for the Python processes of one stack; see jumping_clock.c."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_suffix(".c")


class JumpingClock:
    """Build it for one stack.

    Args:
        folder: For the library and the file that holds the shift.
    """

    def __init__(self, folder: Path) -> None:
        self._library, self._file = folder / "jumping_clock.so", folder / "clock"
        compiler = shutil.which("cc")
        assert compiler, "no C compiler: make setup-test"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", self._library, _SOURCE]
        subprocess.run(list(map(str, command)), check=True)
        self.shift(0)

    def variables(self) -> dict[str, str]:
        """What a process must be started with."""
        return {"LD_PRELOAD": str(self._library), "JUMPING_CLOCK_FILE": str(self._file)}

    def shift(self, seconds: int) -> None:
        """Move the clock to so far from the true time, at once."""
        with self._file.open("r+b" if self._file.exists() else "wb") as stream:
            stream.write(struct.pack("=q", seconds))
