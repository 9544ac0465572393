"""Whether this step's images are decoded on a card: only after it has proven itself.

The release's own golden inputs go both ways while the model loads: what the card makes of them must
be what the processor does, whose pixels the release was judged by; else all are decoded there. That
the scores agree, too, whoever loads the release asserts with the same inputs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from python_backends.image_preprocess.card_preprocess import CardPreprocess, Preprocess
from python_backends.shared.cuda import find_card, is_on_card, to_host
from python_backends.shared.image_decode_gpu import find_decoder, plain_size
from python_backends.shared.image_matrices import has_kernel
from python_backends.shared.image_transform import ImageTransform

logger = logging.getLogger(__name__)

AUTO: Final = "auto"
PROCESSOR: Final = "cpu"
# Pixels one level off move scores by 0.009 (docs/adr/0022), and 0.01 is what loading allows.
_MOST_MEAN_LEVELS: Final = 1.0
_FIRST_CARD: Final = 0  # the step has no card of its own: releases have it on KIND_CPU
_STEP: Final = "_preprocess"


class CardRefused(Exception):
    """The card does not do what the processor does; the message says how."""


def golden_images(step_folder: Path) -> list[bytes]:
    """The golden inputs that lie with the ensemble of a step; none where there is no such folder.

    Args:
        step_folder: The step's own, in the repository or in Triton's view of it.
    """
    golden = step_folder.with_name(step_folder.name.removesuffix(_STEP)) / "golden"
    return [file.read_bytes() for file in sorted(golden.glob("*")) if file.is_file()]


def find_card_way(
    where: str,
    transform: ImageTransform,
    golden: Sequence[bytes],
    *,
    max_pixels: int,
    on_processor: Preprocess,
) -> CardPreprocess | None:
    """Decode on a card if there is one, what it takes is installed, and it proves itself.

    Args:
        where: "auto", or "cpu" for none.
        transform: Only a quick one may be beside the training transform at all.
        golden: Images to prove it with.
        max_pixels: Width times height allowed per image.
        on_processor: For what the card does not take.
    """
    if where == PROCESSOR or transform.quick_margin is None or not has_kernel(transform):
        return None
    card = find_card(_FIRST_CARD)
    try:
        decoder = None if card is None else find_decoder(card)
        if card is None or decoder is None:
            return None
        way = CardPreprocess(
            card, decoder, transform, max_pixels=max_pixels, on_processor=on_processor
        )
        prove(way, on_processor, golden)
    except CardRefused as exc:
        logger.warning("JPEGs are decoded on the processor: %s", exc)
        return None
    except Exception:  # whatever a card may raise, the processor can do it
        logger.warning("JPEGs are decoded on the processor, the card failed", exc_info=True)
        return None
    logger.info("JPEGs are decoded on card %d", card.number)
    return way


def prove(way: CardPreprocess, on_processor: Preprocess, golden: Sequence[bytes]) -> None:
    """Hold what a card makes of golden inputs against what the processor makes of them.

    Raises:
        CardRefused: one of them differs, or there was none for it to decode.
    """
    proven = 0
    for number, image in enumerate(golden):
        if plain_size(image) is None:  # it never gets to the card
            continue
        batch = np.empty((1, 1), np.object_)
        batch[0, 0] = image
        pixels, status = way.preprocess(batch)
        if not is_on_card(pixels):  # too large, or the card could not: the processor has done it
            continue
        expected, states = on_processor(batch)
        if status[0, 0] != states[0, 0]:
            raise CardRefused(f"golden input {number}: the processor says {states[0, 0]} of it")
        levels = np.abs(to_host(pixels).astype(np.int16) - expected).mean()
        if levels > _MOST_MEAN_LEVELS:
            raise CardRefused(f"golden input {number}: {levels:.1f} levels beside it in the mean")
        proven += 1
    if not proven:
        raise CardRefused("there is no golden JPEG to prove it with")
