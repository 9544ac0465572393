"""Backend "image_preprocess": IMAGE -> PIXELS, STATUS. Only translates; the work is in shared/.

Parameters of config.pbtxt: max_pixels, and those of ImageTransform. The size is PIXELS's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from python_backends.shared import triton_io
from python_backends.shared.contract import IMAGE, PIXELS, STATUS
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.image_batch import preprocess_images
from python_backends.shared.image_transform import ImageTransform


class TritonPythonModel:
    """One loaded preprocess step."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Read the parameters once."""
        config = triton_io.ModelConfig.from_arguments(args)
        height, width, _ = config.output_shape(PIXELS.name)
        try:
            self._transform = ImageTransform.from_parameters(height, width, config.parameters)
        except ValueError as exc:
            raise ModelAssetError(f"{config.name}: {exc}") from exc
        self._max_pixels = config.whole_number("max_pixels")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch of requests."""
        return triton_io.answer_requests(
            requests,
            inputs=[IMAGE],
            outputs=[PIXELS, STATUS],
            step=lambda encoded: preprocess_images(
                encoded, self._transform, max_pixels=self._max_pixels
            ),
        )
