"""Image classification from a directory in Hugging Face format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image

from python_backends.shared.image_transform import (
    ImageTransform,
    NoResize,
    Resize,
    ResizeFilter,
    ShortestEdge,
    Stretch,
)
from triptych.errors import SourceUnfit
from triptych.export.loaded_model import (
    LoadedModel,
    SourceOptions,
    Tensors,
    choose_labels,
)
from triptych.export.normalisation import Normalisation
from triptych.export.onnx_graph import serve_images
from triptych.export.preprocess_steps import ImageStep
from triptych.export.reference_picture import open_picture
from triptych.export.refusal import refusing
from triptych.export.sources import hf_files
from triptych.export.sources.source_answers import answering
from triptych.export.sources.torch_graph import count_classes, runner, trace

# Source: transformers' ConvNextImageProcessor.resize, which stretches from this size on.
_STRETCHED_FROM: Final = 384
# More than rounding can explain: the processor does something that our transform does not.
_PIXEL_TOLERANCE: Final = 2.0


class LogitsOnly(torch.nn.Module):
    """A transformers model that answers with a plain tensor."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W], float32 -> [N, classes]."""
        logits: torch.Tensor = self.model(pixel_values).logits
        return logits


def load(name: str, options: SourceOptions) -> LoadedModel:
    """Load, convert, and keep the original to compare with; of the options, labels alone count.

    Raises:
        SourceUnfit: see the sentence.
    """
    folder = hf_files.find_checkpoint(name)
    kind = transformers.AutoModelForImageClassification
    network = LogitsOnly(hf_files.quietly(lambda: hf_files.load_weights(kind, folder))).eval()
    config = network.model.config
    hf_files.check_single_label(config)
    processor = _read_processor(folder)
    is_grayscale = getattr(config, "num_channels", 3) == 1
    normalisation = _probe_normalisation(processor, is_grayscale=is_grayscale)
    transform = _read_transform(processor, is_grayscale=is_grayscale)
    _check_transform(processor, transform, normalisation)

    height, width = transform.height_pixels, transform.width_pixels
    example = torch.zeros(2, len(normalisation.channels), height, width)
    classes = count_classes(network, [example])
    traced = trace(network, [example])

    def prepare(encoded: bytes) -> Tensors:
        return (_process(processor, open_picture(encoded, is_grayscale=is_grayscale)),)

    return LoadedModel(
        step=ImageStep(transform),
        graph=serve_images(traced, normalisation, height, width, classes),
        labels=choose_labels(options.labels, hf_files.own_labels(config), classes),
        source=answering(
            traced,
            runner(network),
            prepare,
            normalisation,
            f"transformers {type(processor).__name__}",
        ),
        origin=hf_files.origin(name, folder, type(network.model).__name__),
    )


def _read_processor(folder: Path) -> Any:  # noqa: ANN401 - transformers' own type
    if not (folder / "preprocessor_config.json").is_file():
        raise SourceUnfit(f"{folder} holds no preprocessor_config.json, which tells the transform.")
    with refusing("The image processor cannot be read"):
        return hf_files.quietly(
            lambda: transformers.AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, backend="pil"
            )
        )


def _process(processor: Any, image: Image.Image) -> NDArray[np.float32]:  # noqa: ANN401 - see above
    """[C, H, W], float32, as the network takes it."""
    pixels = processor(images=image, return_tensors="np")["pixel_values"][0]
    return np.asarray(pixels, np.float32)


def _probe_normalisation(processor: Any, *, is_grayscale: bool) -> Normalisation:  # noqa: ANN401 - see above
    """Ask the processor what it makes of plain colours, instead of guessing from its fields.

    Rescaling, offsets, double normalisation and swapped channels all show in the answers.

    Raises:
        SourceUnfit: it does something else than scale and shift each channel.
    """
    mode = "L" if is_grayscale else "RGB"

    def plain(*colour: int) -> NDArray[np.float32]:
        answer = _process(processor, Image.new(mode, (64, 64), colour[: len(mode) or 1]))
        middle: NDArray[np.float32] = answer[:, answer.shape[1] // 2, answer.shape[2] // 2]
        return middle

    black, white, grey = plain(0, 0, 0), plain(255, 255, 255), plain(51, 51, 51)
    scale = (white - black) / 255
    if not np.allclose(grey, black + 51 * scale, atol=1e-4) or not scale.all():
        raise SourceUnfit("The image processor does more than scale and shift each channel.")
    if is_grayscale:
        channels: tuple[int, ...] = (0,)
    else:
        colours = np.stack([plain(255, 0, 0), plain(0, 255, 0), plain(0, 0, 255)])
        lit = np.isclose(colours, white, atol=1e-4)
        channels = tuple(int(channel) for channel in lit.argmax(axis=0))
        if sorted(channels) != [0, 1, 2] or not (lit.sum(axis=0) == 1).all():
            raise SourceUnfit("The image processor mixes colour channels.")
    return Normalisation(channels, tuple(map(float, scale)), tuple(map(float, black)))


def _read_transform(processor: Any, *, is_grayscale: bool) -> ImageTransform:  # noqa: ANN401 - see above
    resize, final = _read_resize(processor)
    if getattr(processor, "do_center_crop", False):
        crop = dict(processor.crop_size)
        final = (crop["height"], crop["width"])
    if final is None:
        raise SourceUnfit("The image processor keeps the aspect ratio and crops nothing, so that "
                          "its pictures have no fixed size.")  # fmt: skip
    if resize == Stretch(*final):
        resize = None
    resample = getattr(processor, "resample", None)
    filter_ = ResizeFilter(Image.Resampling(2 if resample is None else int(resample)))
    return ImageTransform(*final, filter_, resize, is_grayscale=is_grayscale)


def _read_resize(processor: Any) -> tuple[Resize | None, tuple[int, int] | None]:  # noqa: ANN401 - see above
    """What the processor resizes to, and the final size if nothing is cropped afterwards."""
    if not getattr(processor, "do_resize", True):
        return NoResize(), None
    size = {key: value for key, value in dict(processor.size).items() if value is not None}
    match size:
        case {"height": int(height), "width": int(width)}:
            return Stretch(height, width), (height, width)
        case {"shortest_edge": int(edge)} if "longest_edge" not in size:
            crop_share = getattr(processor, "crop_pct", None)
            if crop_share is None:
                return ShortestEdge(edge), None
            if edge >= _STRETCHED_FROM:
                return Stretch(edge, edge), (edge, edge)
            return ShortestEdge(int(edge / crop_share)), (edge, edge)
        case _:
            raise SourceUnfit(f"The image processor's size is {size}, which is not known here.")


def _check_transform(
    processor: Any,  # noqa: ANN401 - transformers' own type
    transform: ImageTransform,
    normalisation: Normalisation,
) -> None:
    """See on three odd pictures that our reading of the processor is right.

    Raises:
        SourceUnfit: our transform gives other pixels.
    """
    rng = np.random.default_rng(0)
    for height, width in ((37, 91), (300, 211), (64, 64)):
        coarse = rng.integers(0, 256, (5, 7, 3), np.uint8)
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        ours = transform.apply(np.asarray(image))
        shown = image.convert("L") if transform.is_grayscale else image
        theirs = normalisation.undo(_process(processor, shown)[None])[0]
        if theirs.shape[:2] != ours.shape[:2]:
            raise SourceUnfit(
                f"The image processor gives {theirs.shape[:2]} pixels, we would {ours.shape[:2]}."
            )
        difference = np.abs(ours[..., list(normalisation.channels)] - theirs).max()
        if difference > _PIXEL_TOLERANCE:
            raise SourceUnfit(
                f"{type(processor).__name__} does something that cannot be served yet: pixels "
                f"differ by {difference:.0f} of 255."
            )
