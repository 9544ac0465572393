"""Trials on disk, so that a search that was broken off goes on where it stood."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from triptych.release import Release
from triptych.tuning.trial import Trial

_DIGITS: Final = 16


class Journal:
    """One line of JSON per trial of one release under one bound, asked with the same inputs.

    Args:
        folder: Where journals lie.
        release: The same bytes have the same journal.
        p99_ms: The bound; trials end where it is broken, so other bounds have other trials.
        items: What is asked in place of the golden inputs.
        anew: Forget what was tried.
    """

    def __init__(
        self,
        folder: Path,
        release: Release,
        p99_ms: float,
        items: Sequence[bytes] = (),
        *,
        anew: bool = False,
    ) -> None:
        asked = f"-{_digest(items)}" if items else ""
        self.file = folder / f"{release.name}-{release.fingerprint}-{p99_ms:g}ms{asked}.jsonl"
        if anew:
            self.file.unlink(missing_ok=True)

    def read(self) -> Iterator[Trial]:
        """What was tried; a line that was being written when it was broken off is passed over."""
        if not self.file.is_file():
            return
        for line in self.file.read_text(encoding="utf-8").splitlines():
            try:
                yield Trial.from_json(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue

    def add(self, trial: Trial) -> None:
        """Remember a trial."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as stream:
            # In front too: the last line may have been broken off without its end.
            stream.write("\n" + json.dumps(trial.to_json()) + "\n")


def _digest(items: Sequence[bytes]) -> str:
    each = (hashlib.sha256(item).digest() for item in items)
    return hashlib.sha256(b"".join(each)).hexdigest()[:_DIGITS]
