"""Backend "image_preprocess": IMAGE -> PIXELS, STATUS. Only translates; the work is in shared/.

Images are decoded in child processes, because no picture may take the stub down (docs/adr/0016), or
on a card where one has proven that it does the same (docs/adr/0032).
Parameters of config.pbtxt: max_pixels, and those of ImageTransform; the size is PIXELS's own. Those
of DecodeLimits may be left out, as released configurations do that are older than they, and so may
decode_on, "auto" or "cpu".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from python_backends.image_preprocess.card_gate import AUTO, PROCESSOR, find_card_way, golden_images
from python_backends.image_preprocess.decode_limits import DecodeLimits
from python_backends.image_preprocess.decode_pool import DecodePool
from python_backends.image_preprocess.decoder_main import DecodeJob
from python_backends.shared import triton_io
from python_backends.shared.contract import IMAGE, PIXELS, STATUS
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.image_batch import preprocess_image
from python_backends.shared.image_transform import ImageTransform

logger = logging.getLogger(__name__)


class TritonPythonModel:
    """One loaded preprocess step."""

    # What the child processes run. No setting reaches it: a test that needs a decoder that crashes
    # gives Triton a backend folder of its own with a subclass (tests/poison_backend.py).
    preprocess_image: ClassVar[Callable[..., NDArray[np.uint8]]] = staticmethod(preprocess_image)

    def initialize(self, args: Mapping[str, str]) -> None:
        """Read the parameters once, and start the decoders."""
        config = triton_io.ModelConfig.from_arguments(args)
        height, width, channels = config.output_shape(PIXELS.name)
        where = config.text("decode_on", AUTO)
        if where not in {AUTO, PROCESSOR}:
            raise ModelAssetError(f"{config.name}: parameter 'decode_on' is {where!r}")
        try:
            transform = ImageTransform.from_parameters(height, width, config.parameters)
            limits = DecodeLimits.from_parameters(config.parameters)
        except ValueError as exc:
            raise ModelAssetError(f"{config.name}: {exc}") from exc
        decode = partial(self.preprocess_image, transform=transform, max_pixels=limits.max_pixels)
        job = DecodeJob(decode, (height, width, channels), limits.memory_bytes)
        self._pool = DecodePool(job, limits)
        self._card_way = find_card_way(
            where,
            transform,
            golden_images(config.folder),
            max_pixels=limits.max_pixels,
            on_processor=self._pool.decode_images,
        )

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch of requests."""
        return triton_io.answer_requests(
            requests, inputs=[IMAGE], outputs=[PIXELS, STATUS], step=self._preprocess
        )

    def _preprocess(self, encoded: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        if self._card_way is not None:
            try:
                return self._card_way.preprocess(encoded)
            except Exception:  # CUDA's errors stay until the process ends
                logger.exception("the card failed: from now on the processor decodes")
                self._card_way = None
        return self._pool.decode_images(encoded)

    def finalize(self) -> None:
        """End the decoders."""
        self._pool.close()
