"""TensorFlow and Keras: converted, because Triton dropped its TensorFlow backend in 25.03."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow
from numpy.typing import NDArray

from triptych.errors import SourceUnfit
from triptych.export.loaded_model import LoadedModel, SourceOptions, Tensors
from triptych.export.onnx_graph import OPSET
from triptych.export.refusal import refusing
from triptych.export.sources.onnx_file import serve_network

_SIGNATURE: Final = "serving_default"


def load_keras(name: str, options: SourceOptions) -> LoadedModel:
    """Load .keras or .h5 and convert it with Keras' own export.

    Raises:
        SourceUnfit: see the sentence.
        OptionInvalid: the transform is incomplete or does not fit.
    """
    with refusing(f"{name} cannot be loaded by Keras"):
        # safe_mode: layers that bring code (Lambda) are refused instead of run.
        model: Any = keras.saving.load_model(name, compile=False, safe_mode=True)
    with tempfile.TemporaryDirectory(prefix="triptych-tf-") as scratch:
        file = Path(scratch) / "network.onnx"
        with refusing(f"{name} cannot be converted to ONNX"):
            model(np.zeros((1, *model.input_shape[1:]), np.float32))  # export wants a called model
            model.export(str(file), format="onnx", opset_version=OPSET, verbose=False)
        network = onnx.load(file)

    def infer(tensors: Tensors) -> NDArray[np.float32]:
        return np.asarray(model(tensors[0], training=False), np.float32)

    origin = {"framework": "Keras", "framework_version": keras.__version__}
    return _finish(network, infer, options, {**origin, "checkpoint": Path(name).name})


def load_saved_model(name: str, options: SourceOptions) -> LoadedModel:
    """Convert a SavedModel directory with tf2onnx.

    Raises:
        SourceUnfit: see the sentence.
        OptionInvalid: the transform is incomplete or does not fit.
    """
    with tempfile.TemporaryDirectory(prefix="triptych-tf-") as scratch:
        file = Path(scratch) / "network.onnx"
        # Its documented way in is the command line, which also keeps its global state away from us.
        arguments = ["--saved-model", name, "--opset", str(OPSET), "--output", str(file)]
        converted = subprocess.run(
            [sys.executable, "-m", "tf2onnx.convert", *arguments],
            check=False,
            capture_output=True,
            text=True,
        )
        if converted.returncode:
            last = (converted.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise SourceUnfit(f"{name} cannot be converted to ONNX: {last}")
        network = onnx.load(file)
    signatures = tensorflow.saved_model.load(name).signatures
    if _SIGNATURE not in signatures:
        found = ", ".join(signatures) or "none"
        raise SourceUnfit(f"{name} has no signature {_SIGNATURE!r}; it has {found}.")
    signature = signatures[_SIGNATURE]

    def infer(tensors: Tensors) -> NDArray[np.float32]:
        (argument,) = signature.structured_input_signature[1]
        (answer,) = signature(**{argument: tensorflow.constant(tensors[0])}).values()
        return np.asarray(answer, np.float32)

    origin = {"framework": "TensorFlow", "framework_version": tensorflow.__version__}
    return _finish(network, infer, options, {**origin, "checkpoint": Path(name).name})


def _finish(
    network: onnx.ModelProto,
    infer: Callable[[Tensors], NDArray[np.float32]],
    options: SourceOptions,
    origin: dict[str, str],
) -> LoadedModel:
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)

    session = onnxruntime.InferenceSession(
        network.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return serve_network(network, session, options, origin, is_channels_first=False, asked=infer)
