"""Backend "text_preprocess": TEXT -> INPUT_IDS, ATTENTION_MASK, STATUS. Only translates.

tokenizer.json lies beside config.pbtxt and brings its own truncation and padding to the fixed
length. Parameter of config.pbtxt: max_text_bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from python_backends.shared import triton_io
from python_backends.shared.contract import ATTENTION_MASK, INPUT_IDS, STATUS, TEXT
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.text_batch import TextEncoder


class TritonPythonModel:
    """One loaded preprocess step."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Read the tokenizer once."""
        config = triton_io.ModelConfig.from_arguments(args)
        (max_tokens,) = config.output_shape(INPUT_IDS.name)
        self._encoder = TextEncoder.from_file(
            config.folder / "tokenizer.json",
            max_tokens=max_tokens,
            max_text_bytes=config.whole_number("max_text_bytes"),
        )
        if config.output_shape(ATTENTION_MASK.name) != (max_tokens,):
            raise ModelAssetError(f"{config.name}: INPUT_IDS and ATTENTION_MASK differ in length")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch of requests."""
        return triton_io.answer_requests(
            requests,
            inputs=[TEXT],
            outputs=[INPUT_IDS, ATTENTION_MASK, STATUS],
            step=self._encoder.encode_texts,
        )
