"""The text step of the product, but a text with a certain word kills the process that reads it.

A test's release carries this file as its own model.py (`backend: "python"`); nothing of the product
knows of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

import triton_python_backend_utils as pb_utils

from python_backends.shared.contract import TEXT
from python_backends.text_preprocess.model import TritonPythonModel as TextStep

MARKER = b"kill-the-stub"


class TritonPythonModel(TextStep):
    """Dies as a decoder with a bug in C would: at once and without a word."""

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        for request in requests:
            texts = pb_utils.get_input_tensor_by_name(request, TEXT.name).as_numpy()
            if any(MARKER in text for text in texts.flatten()):
                os.kill(os.getpid(), signal.SIGSEGV)
        return super().execute(requests)
