"""One encoded item -> what the served network takes, by the very code that serves."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from python_backends.shared.contract import ATTENTION_MASK, INPUT_IDS, PIXELS
from python_backends.shared.errors import InvalidInput
from python_backends.shared.image_batch import preprocess_image
from python_backends.shared.text_batch import TextEncoder
from triptych.errors import OptionInvalid
from triptych.export.golden_inputs import Item
from triptych.export.preprocess_steps import ImageStep, PreprocessStep, TextStep


@lru_cache(maxsize=1)
def _encoder(step: TextStep) -> TextEncoder:
    return TextEncoder(
        Tokenizer.from_str(step.tokenizer.decode()),
        max_tokens=step.max_tokens,
        max_text_bytes=step.max_text_bytes,
    )


def feed(step: PreprocessStep, item: Item) -> dict[str, NDArray[Any]]:
    """Prepare one item as the preprocess step would.

    Returns:
        By tensor name, with a batch of one.

    Raises:
        OptionInvalid: the step would refuse it.
    """
    try:
        if isinstance(step, ImageStep):
            pixels = preprocess_image(item.encoded, step.transform, max_pixels=step.max_pixels)
            return {PIXELS.name: pixels[None]}
        if isinstance(step, TextStep):
            ids, mask, _ = _encoder(step).encode_texts(np.array([[item.encoded]], object))
            return {INPUT_IDS.name: ids, ATTENTION_MASK.name: mask}
    except InvalidInput as exc:
        raise OptionInvalid(f"{item.name} cannot be used for calibration: {exc}") from exc
    raise TypeError(f"no such step: {type(step).__name__}")
