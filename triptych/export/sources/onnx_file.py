"""An ONNX file as it is, with the transform given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from triptych.errors import SourceUnfit
from triptych.export.image_options import ImageInput, read_image_input
from triptych.export.loaded_model import LoadedModel, SourceOptions, Tensors, choose_labels
from triptych.export.onnx_graph import serve_images
from triptych.export.preprocess_steps import ImageStep
from triptych.export.reference_picture import declared_preparation
from triptych.export.refusal import refusing
from triptych.export.sources.source_answers import Infer, answering


def load(name: str, options: SourceOptions) -> LoadedModel:
    """Load an image classifier with one float input of four dimensions.

    Raises:
        SourceUnfit: see the sentence.
        OptionInvalid: the transform is incomplete or does not fit.
    """
    with refusing(f"{name} cannot be loaded"):
        try:
            network = onnx.load(name)
        except DecodeError as exc:
            raise SourceUnfit(f"{name} is no ONNX file.") from exc
        session = onnxruntime.InferenceSession(name, providers=["CPUExecutionProvider"])
    origin = {"framework": "ONNX", "framework_version": onnx.__version__}
    origin |= {"checkpoint": Path(name).name, "producer": network.producer_name or "unknown"}
    return serve_network(network, session, options, origin, is_channels_first=None)


def serve_network(
    network: onnx.ModelProto,
    session: onnxruntime.InferenceSession,
    options: SourceOptions,
    origin: dict[str, str],
    *,
    is_channels_first: bool | None,
    asked: Infer | None = None,
) -> LoadedModel:
    """Wrap a float network.

    `is_channels_first` is what the framework is known to take; None looks at the shape. `asked`
    answers for the source; None asks ONNX Runtime about the network as it came.
    """
    name, shape = _only_input(session)
    if is_channels_first is None:
        is_channels_first = shape[3] not in {1, 3}
    image = _read_input(shape, options, is_channels_first=is_channels_first)
    height, width = image.transform.height_pixels, image.transform.width_pixels

    def infer(tensors: Tensors) -> NDArray[np.float32]:
        feeds = {name: np.ascontiguousarray(tensors[0], np.float32)}
        return np.asarray(session.run(None, feeds)[0], np.float32)

    classes = _try_out(infer, image)
    return LoadedModel(
        step=ImageStep(image.transform),
        graph=serve_images(network, image.normalisation, height, width, classes),
        labels=choose_labels(options.labels, None, classes),
        source=answering(
            network,
            asked or infer,
            declared_preparation(image),
            image.normalisation,
            "as declared in the options, decoded by Pillow",
        ),
        origin=origin,
    )


def _only_input(session: onnxruntime.InferenceSession) -> tuple[str, list[object]]:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        shapes = ", ".join(f"{it.name} {it.type} {it.shape}" for it in inputs)
        raise SourceUnfit(
            f"The network takes {shapes}; one float tensor of 4 dimensions is needed."
        )
    if len(outputs) != 1 or len(outputs[0].shape) != 2:
        raise SourceUnfit("The network needs one output of two dimensions, [N, classes].")
    return inputs[0].name, list(inputs[0].shape)


def _try_out(infer: Callable[[Tensors], NDArray[np.float32]], image: ImageInput) -> int:
    """Run batches of one and two, and see how many classes the network answers with."""
    size = (image.transform.height_pixels, image.transform.width_pixels)
    with refusing("The network does not run on batches of that input"):
        for batch in (2, 1):
            example = image.normalisation.apply(np.zeros((batch, *size, 3), np.uint8))
            classes = infer((example,)).shape[1]
    return classes


def _read_input(
    shape: list[object], options: SourceOptions, *, is_channels_first: bool
) -> ImageInput:
    sides = shape[2:] if is_channels_first else shape[1:3]
    match sides:
        case [int(height), int(width)]:
            own_size: tuple[int, int] | None = (height, width)
        case _:
            own_size = None
    image = read_image_input(
        options.transform, is_channels_first=is_channels_first, own_size=own_size
    )
    colours = shape[1] if image.normalisation.is_channels_first else shape[3]
    if isinstance(colours, int) and colours != len(image.normalisation.channels):
        raise SourceUnfit(
            f"The network takes {colours} colour channels; say so with channels: gray or rgb, and "
            "layout: nchw or nhwc."
        )
    return image
