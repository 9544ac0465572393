"""The two kinds of preprocess step as a release writes them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Protocol

from python_backends.shared.contract import ATTENTION_MASK, INPUT_IDS, PIXELS, Task
from python_backends.shared.image_transform import (
    QUICK_MARGIN,
    ImageTransform,
    NoResize,
    ResizeFilter,
)

DEFAULT_MAX_PIXELS: Final = 50_000_000
DEFAULT_MAX_TEXT_BYTES: Final = 65_536
_QUICK_FILTERS: Final = {ResizeFilter.BILINEAR, ResizeFilter.BICUBIC, ResizeFilter.LANCZOS}
TOKENIZER_FILE: Final = "tokenizer.json"


class PreprocessStep(Protocol):
    """What differs between pipelines of different tasks."""

    @property
    def task(self) -> Task:
        """What the pipeline does."""

    @property
    def backend(self) -> str:
        """The Python-based backend that runs it."""

    def dims(self) -> dict[str, tuple[int, ...]]:
        """The sizes that this release fixes, by tensor name, without the batch."""

    def parameters(self) -> dict[str, str]:
        """The parameters of its config.pbtxt."""

    def files(self) -> dict[str, bytes]:
        """Files beside its config.pbtxt, by name."""

    def to_json(self) -> dict[str, object]:
        """The fields of release.json that tell the transform."""

    @property
    def is_quick(self) -> bool:
        """Whether it is the quick way."""

    def quick(self) -> PreprocessStep:
        """The same, a little beside the training transform and much cheaper; or itself."""


@dataclass(frozen=True)
class ImageStep:
    """Decode, resize, cut out.

    Attributes:
        transform: How a picture becomes the model's input.
        max_pixels: Width times height accepted per picture.
    """

    task: ClassVar[Task] = Task.IMAGE_CLASSIFICATION
    backend: ClassVar[str] = "image_preprocess"

    transform: ImageTransform
    max_pixels: int = DEFAULT_MAX_PIXELS

    def dims(self) -> dict[str, tuple[int, ...]]:
        """See PreprocessStep."""
        return {PIXELS.name: (self.transform.height_pixels, self.transform.width_pixels, 3)}

    def parameters(self) -> dict[str, str]:
        """See PreprocessStep."""
        return {**self.transform.to_parameters(), "max_pixels": str(self.max_pixels)}

    def files(self) -> dict[str, bytes]:
        """See PreprocessStep."""
        return {}

    def to_json(self) -> dict[str, object]:
        """See PreprocessStep."""
        parameters = self.transform.to_parameters()
        size = {
            "height_pixels": self.transform.height_pixels,
            "width_pixels": self.transform.width_pixels,
        }
        transform = {"resize": "stretch", **size, **parameters}
        return {"max_pixels": self.max_pixels, "transform": transform}

    @property
    def is_quick(self) -> bool:
        """See PreprocessStep."""
        return self.transform.quick_margin is not None

    def quick(self) -> ImageStep:
        """See PreprocessStep; where nothing is averaged there is nothing to be quicker at."""
        transform = self.transform
        if transform.resize_filter not in _QUICK_FILTERS or isinstance(transform.resize, NoResize):
            return self
        return replace(self, transform=replace(transform, quick_margin=QUICK_MARGIN))


@dataclass(frozen=True)
class TextStep:
    """Tokenize to a fixed length.

    Attributes:
        max_tokens: The fixed length.
        tokenizer: tokenizer.json, whose own truncation and padding lead to that length.
        max_text_bytes: UTF-8 bytes accepted per text.
    """

    task: ClassVar[Task] = Task.TEXT_CLASSIFICATION
    backend: ClassVar[str] = "text_preprocess"

    max_tokens: int
    tokenizer: bytes
    max_text_bytes: int = DEFAULT_MAX_TEXT_BYTES

    def dims(self) -> dict[str, tuple[int, ...]]:
        """See PreprocessStep."""
        return {INPUT_IDS.name: (self.max_tokens,), ATTENTION_MASK.name: (self.max_tokens,)}

    def parameters(self) -> dict[str, str]:
        """See PreprocessStep."""
        return {"max_text_bytes": str(self.max_text_bytes)}

    def files(self) -> dict[str, bytes]:
        """See PreprocessStep."""
        return {TOKENIZER_FILE: self.tokenizer}

    def to_json(self) -> dict[str, object]:
        """See PreprocessStep."""
        transform = {"tokenizer": TOKENIZER_FILE, "max_tokens": self.max_tokens}
        return {"max_text_bytes": self.max_text_bytes, "transform": transform}

    @property
    def is_quick(self) -> bool:
        """See PreprocessStep."""
        return False

    def quick(self) -> TextStep:
        """See PreprocessStep."""
        return self


def read_step(certificate: Mapping[str, object], files: Mapping[str, bytes]) -> PreprocessStep:
    """Read back what `to_json` and `files` wrote.

    Raises:
        ValueError: the certificate is none of ours.
    """
    match certificate:
        case {
            "task": Task.IMAGE_CLASSIFICATION,
            "max_pixels": int(max_pixels),
            "transform": {"height_pixels": int(height), "width_pixels": int(width), **rest},
        }:
            parameters = {str(key): str(value) for key, value in rest.items()}
            if "resize_pixels" not in parameters and parameters["resize"] == "stretch":
                del parameters["resize"]  # to the final size, which needs no parameter
            transform = ImageTransform.from_parameters(height, width, parameters)
            return ImageStep(transform, max_pixels)
        case {
            "task": Task.TEXT_CLASSIFICATION,
            "max_text_bytes": int(max_bytes),
            "transform": {"max_tokens": int(max_tokens)},
        }:
            return TextStep(max_tokens, files[TOKENIZER_FILE], max_bytes)
        case _:
            raise ValueError(f"no transform that is known: {certificate.get('transform')}")
