"""The inputs that a release is judged by: a person's own, or a varied set made here."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from python_backends.shared.contract import Task
from triptych.errors import OptionInvalid

_NOT_PLAIN: Final = re.compile(r"[^\w.+-]", re.ASCII)
_LONGEST_NAME: Final = 100
_IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
# Name, width, height, format, mode: all formats, grey and colour, both orientations, all sizes.
_PICTURES: Final = (
    ("landscape.jpg", 500, 375, "JPEG", "RGB"),
    ("portrait.jpg", 300, 420, "JPEG", "RGB"),
    ("square.png", 224, 224, "PNG", "RGB"),
    ("small.png", 97, 64, "PNG", "RGB"),
    ("tiny.png", 8, 8, "PNG", "RGB"),
    ("odd.jpg", 333, 257, "JPEG", "RGB"),
    ("wide.webp", 640, 200, "WEBP", "RGB"),
    ("tall.webp", 180, 560, "WEBP", "RGB"),
    ("grey.jpg", 400, 300, "JPEG", "L"),
    ("grey.png", 120, 150, "PNG", "L"),
    ("thumbnail.jpg", 48, 40, "JPEG", "RGB"),
    ("large.jpg", 2400, 1600, "JPEG", "RGB"),
)
TEXTS: Final = (
    "The striker scored twice in the last ten minutes of the match.",
    "The central bank raised interest rates for the third time this year.",
    "Simmer the tomatoes with garlic and basil until the sauce thickens.",
    "The telescope found water vapour in the atmosphere of a distant planet.",
    "The new phone has a brighter screen and a faster processor.",
    "The senate voted on the budget late last night.",
    "Our flight to Lisbon was delayed, so we spent the night at the airport.",
    "The doctor recommended a vaccine and plenty of rest.",
    "The orchestra opened the season with a symphony by Mahler.",
    "Heavy snow is expected in the mountains on Saturday.",
    "She trained for months before running her first marathon.",
    "Shares of the car maker fell after it cut its profit forecast.",
    "Whisk the eggs, fold in the flour, and bake for forty minutes.",
    "Researchers sequenced the genome of an extinct bird.",
    "A bug in the update made thousands of laptops restart again and again.",
    "The prime minister met her counterpart to talk about the border.",
    "We rented a small boat and sailed from island to island.",
    "A walk of half an hour a day lowers the risk of heart disease.",
    "The director's new film won the prize of the jury.",
    "A storm with gusts of ninety miles per hour is moving along the coast.",
)


@dataclass(frozen=True)
class Item:
    """One encoded image or UTF-8 text."""

    name: str
    encoded: bytes


def read_items(folder: Path, task: Task) -> list[Item]:
    """Read a person's own inputs: picture files, or every line of every .txt file.

    Raises:
        OptionInvalid: there are none.
    """
    if not folder.is_dir():
        raise OptionInvalid(f"There is no folder {folder}.")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if task is Task.IMAGE_CLASSIFICATION:
        pictures = [file for file in files if file.suffix.lower() in _IMAGE_SUFFIXES]
        items = [Item("-".join(it.relative_to(folder).parts), it.read_bytes()) for it in pictures]
        wanted = "JPEG, PNG or WebP files"
    else:
        texts = [file for file in files if file.suffix == ".txt"]
        items = [item for file in texts for item in _lines(file)]
        wanted = ".txt files with a text on each line"
    if not items:
        raise OptionInvalid(f"{folder} holds no {wanted}.")
    return _told_apart(items)


def _told_apart(items: list[Item]) -> list[Item]:
    """Give plain names, all different and not long: a release keeps them as files of one folder."""
    seen: set[str] = set()
    named = []
    for item in items:
        plain = _NOT_PLAIN.sub("_", item.name)[-_LONGEST_NAME:]
        name, again = plain, 1
        while name in seen:
            again += 1
            name = f"{again}-{plain}"
        seen.add(name)
        named.append(Item(name, item.encoded))
    return named


def _lines(file: Path) -> list[Item]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as exc:
        raise OptionInvalid(f"{file} is not UTF-8.") from exc
    spoken = [line for line in lines if line.strip()]
    if len(spoken) == 1:
        return [Item(file.name, spoken[0].encode())]
    return [
        Item(f"{file.stem}-{number:03d}.txt", line.encode())
        for number, line in enumerate(spoken, start=1)
    ]


def builtin_items(task: Task) -> list[Item]:
    """A varied set for a first look; it knows nothing of what the model was trained for."""
    if task is Task.TEXT_CLASSIFICATION:
        return [Item(f"{at:02d}.txt", text.encode()) for at, text in enumerate(TEXTS, start=1)]
    rng = np.random.default_rng(2011)
    return [
        Item(name, _encode(_scene(rng, width, height).convert(mode), format_))
        for name, width, height, format_, mode in _PICTURES
    ]


def _encode(image: Image.Image, format_: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_)
    return buffer.getvalue()


def _scene(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Soft light, a few shapes, some grain: what decoders and filters treat differently."""
    coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = sorted(rng.uniform(0, width, 2)), sorted(rng.uniform(0, height, 2))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x[0], y[0], x[1], y[1]), fill=tuple(rng.integers(0, 256, 3).tolist()))
    grain = rng.normal(0, 6, (height, width, 1))
    pixels: NDArray[np.float64] = np.asarray(image) + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
