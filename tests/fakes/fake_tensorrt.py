"""nvidia-smi and trtexec as scripts: a card that is none, and every way a build may go.

Twin: tests/gpu runs the same commands on a machine with a card.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

CARD: Final = "NVIDIA L4, 8.9"
# What trtexec does after its banner, with $onnx and $plan set.
BUILDS: Final = {
    "good": 'printf \'{"onnx": "%s"}\' "$onnx" > "$plan"',
    "wrong": 'printf \'{"onnx": "%s", "fault": "wrong"}\' "$onnx" > "$plan"',
    "imprecise": 'printf \'{"onnx": "%s", "fault": "imprecise"}\' "$onnx" > "$plan"',
    "deadly": 'printf \'{"onnx": "%s", "fault": "deadly"}\' "$onnx" > "$plan"',
    "rubbish": 'printf rubbish > "$plan"',
    "nothing": ":",
    "empty": ': > "$plan"',
    "hangs": 'printf half > "$plan"; exec sleep 60',
    "fails": 'echo "[E] Error[4]: no kernel"; echo "&&&& FAILED TensorRT.trtexec"; exit 1',
    "says nothing": "exec > /dev/null; exit 3",
    "dies": "kill -SEGV $$",
}
_BANNER: Final = "&&&& RUNNING TensorRT.trtexec [TensorRT v%s] [b23] # trtexec"


class FakeTensorRt:
    """Two scripts in a folder that goes first on the PATH; how often trtexec built is counted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.has_cards(CARD)
        self.builds("good")

    @property
    def path(self) -> str:
        """The PATH on which the scripts come first."""
        return f"{self.folder}:{os.environ['PATH']}"

    def has_cards(self, *cards: str) -> None:
        """What nvidia-smi tells from now on."""
        self._script("nvidia-smi", "\n".join(f"echo '{card}'" for card in cards))

    def builds(self, how: str, version: str = "100700") -> None:
        """What trtexec does from now on; see BUILDS."""
        self._script(
            "trtexec",
            f"""echo "{_BANNER % version} $*"
[ "$1" = --help ] && exit 0
echo "$*" >> {self.folder}/built
for argument; do case "$argument" in
  --onnx=*) onnx="${{argument#*=}}" ;;
  --saveEngine=*) plan="${{argument#*=}}" ;;
esac; done
{BUILDS[how]}""",
        )

    def built(self) -> list[str]:
        """The arguments of each build so far."""
        file = self.folder / "built"
        return file.read_text().splitlines() if file.is_file() else []

    def _script(self, name: str, text: str) -> None:
        part = self.folder / f"{name}.part"
        part.write_text(f"#!/bin/sh\n{text}\n")
        part.chmod(0o755)
        part.replace(self.folder / name)  # one that runs goes on as it was
