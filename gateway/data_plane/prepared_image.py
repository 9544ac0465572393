"""What a release's preprocess step makes of an image: the pixels that its model is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from python_backends.shared.contract import PIXELS, STATUS, ItemAnswer, Status
from python_backends.shared.errors import ContractBroken

PREPROCESS: Final = "preprocess"  # one of the contract's STEP_NAMES


@dataclass(frozen=True)
class PreparedImage(ItemAnswer):
    """The answer of the step in place of the ensemble's; it has no labels."""

    shape: tuple[int, ...]
    """Height, width, channels."""
    pixels: bytes
    """As PIXELS has them, row by row; zero where the image was refused."""


# The generated protobuf classes carry no types.
def read_prepared(response: Any, items: int) -> list[ItemAnswer]:  # noqa: ANN401 - protobuf has no types
    """Read the step's ModelInferResponse.

    Args:
        response: With PIXELS and STATUS.
        items: The batch size.

    Raises:
        ContractBroken: a tensor is missing, or the sizes do not fit together.
    """
    pairs = zip(response.outputs, response.raw_output_contents, strict=False)
    outputs = {(tensor.name, tensor.datatype): (tensor, content) for tensor, content in pairs}
    try:
        tensor, pixels = outputs[PIXELS.name, PIXELS.dtype]
        _, states = outputs[STATUS.name, STATUS.dtype]
        shape = tuple(tensor.shape[1:])
        size = math.prod(shape)
        if len(shape) != len(PIXELS.shape) or (len(states), len(pixels)) != (items, items * size):
            raise ContractBroken(f"{items} images got {len(states)} states, pixels of {shape}")
        return [
            PreparedImage(Status(state), (), (), shape, pixels[item * size : (item + 1) * size])
            for item, state in enumerate(states)
        ]
    except (KeyError, ValueError) as exc:
        raise ContractBroken(f"the step's answer cannot be read: {exc!r}") from exc
