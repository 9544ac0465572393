"""Outcomes of real requests, each item answered twice: what the proof of rollouts draws from.

    python -m benchmarks.record_outcomes [--items 3000]

Starts a stack of its own, asks its gateway with the sample pictures and variations of them, and
writes tests/data/rollouts/outcomes.json.gz. The two answers to an item are those of one release, so
they are an identical candidate's pair; the simulation makes the bad candidates from it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from PIL import Image, ImageEnhance

from benchmarks.local_stack import LocalStack, local_stack
from benchmarks.report import commit, machine

_PROJECT: Final = Path(__file__).resolve().parents[1]
_SAMPLES: Final = _PROJECT / "examples" / "digits" / "samples"
RECORDING: Final = _PROJECT / "tests" / "data" / "rollouts" / "outcomes.json.gz"
COLUMNS: Final = ("latency_ms", "failed", "labels", "score")
_CLIENTS: Final = 4
_MEAN_PAUSE_SECONDS: Final = 0.06  # as people arrive: some 50 requests a second in all
_WARM_ITEMS: Final = 100
_SEED: Final = 20251122


def varied(picture: Image.Image, chance: random.Random) -> bytes:
    """The picture turned, shifted and lit a little differently, as a JPEG."""
    turned = picture.rotate(
        chance.uniform(-15, 15),
        resample=Image.Resampling.BILINEAR,
        translate=(chance.randint(-6, 6), chance.randint(-6, 6)),
        fillcolor=picture.getpixel((0, 0)),
    )
    lit = ImageEnhance.Brightness(turned).enhance(chance.uniform(0.6, 1.3))
    buffer = io.BytesIO()
    lit.save(buffer, "JPEG", quality=chance.randint(50, 95))
    return buffer.getvalue()


class Client:
    """One of those who ask."""

    def __init__(self, stack: LocalStack, pictures: list[Image.Image], seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._pictures = pictures
        headers = {"X-API-Key": stack.admin_key, "Content-Type": "image/jpeg"}
        self._http = httpx.Client(base_url=stack.gateway_url, headers=headers, trust_env=False)

    def pair(self) -> list[list[object]]:
        """One item twice; which is called stable's is drawn, for the second may find it warm."""
        image = varied(self._chance.choice(self._pictures), self._chance)
        both = [self._ask(image), self._ask(image)]
        self._chance.shuffle(both)
        return both

    def _ask(self, image: bytes) -> list[object]:
        time.sleep(self._chance.expovariate(1 / _MEAN_PAUSE_SECONDS))
        answer = self._http.post("/v1/predict/digits", content=image)
        body: dict[str, Any] = answer.json()
        if answer.status_code >= 500:
            return [0.0, 1, "", 0.0]
        answer.raise_for_status()
        found = body["predictions"]
        labels = " ".join(it["label"] for it in found)
        return [round(body["timing"]["triton_ms"], 2), 0, labels, round(found[0]["score"], 4)]


def record(stack: LocalStack, items: int) -> list[list[list[object]]]:
    """Ask for all items, from a few threads; what came first, before all is warm, is left out."""
    pictures = [Image.open(file).convert("RGB") for file in sorted(_SAMPLES.iterdir())]
    clients = [Client(stack, pictures, _SEED + number) for number in range(_CLIENTS)]
    each = (items + _WARM_ITEMS) // _CLIENTS + 1
    with ThreadPoolExecutor(_CLIENTS) as threads:
        rows = [threads.submit(lambda it: [it.pair() for _ in range(each)], it) for it in clients]
        in_turns = zip(*(row.result() for row in rows), strict=True)
        return [pair for turn in in_turns for pair in turn][_WARM_ITEMS:][:items]


def main() -> None:
    """Record and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=3000)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        local_stack(Path(folder) / "state", _PROJECT / "model_repository", "--no-ui") as stack,
    ):
        pairs = record(stack, asked.items)
    recording = {
        "what": "POST /v1/predict/digits, each item twice, by benchmarks/record_outcomes.py",
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "columns": COLUMNS,
        "pairs": pairs,
    }
    RECORDING.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(recording, separators=(",", ":")).encode()
    RECORDING.write_bytes(gzip.compress(text, mtime=0))
    print(f"{len(pairs)} pairs, {RECORDING.stat().st_size} bytes")  # noqa: T201 - for who made it


if __name__ == "__main__":
    main()
