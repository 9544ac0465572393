"""The second network for the digits: a ResNet-18 at 224 x 224, in the format of Hugging Face."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessor
from transformers.image_utils import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    PILImageResampling,
)

from examples.digits.evaluate import Answer
from examples.digits.pictures import to_model_input
from python_backends.shared.image_transform import ImageTransform, ResizeFilter
from python_backends.shared.top_k import top_k

SIDE_PIXELS: Final = 224
_BATCH: Final = 32


class ResNet18(nn.Module):
    """Pixels to logits; `model` is what gets saved, its normalization stands in the processor.

    Source: K. He et al., "Deep residual learning for image recognition", 2015, table 1.
    """

    def __init__(self, model: ResNetForImageClassification) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last)
        self.register_buffer("mean", _per_channel(IMAGENET_STANDARD_MEAN), persistent=False)
        self.register_buffer("std", _per_channel(IMAGENET_STANDARD_STD), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Answer pictures.

        Args:
            pixels: [N, S, S, 3], uint8, RGB; S is 224 when served, and may be less in training.

        Returns:
            Logits [N, 10], float32, unbounded.
        """
        normalized = (pixels.permute(0, 3, 1, 2) / 255 - self.mean) / self.std
        # Half the bits learn twice as fast where the processor knows bfloat16; answers stay exact.
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            return self.model(normalized).logits.float()


def make_resnet18() -> ResNet18:
    """Make the network with random weights."""
    labels = [str(digit) for digit in range(10)]
    config = ResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        id2label=dict(enumerate(labels)),
        label2id={label: digit for digit, label in enumerate(labels)},
    )
    return ResNet18(ResNetForImageClassification(config))


def transform_to(side_pixels: int) -> ImageTransform:
    """Stretch to a square, as the saved processor and the served preprocessor do."""
    return ImageTransform(side_pixels, side_pixels, ResizeFilter.BILINEAR)


def save_checkpoint(network: ResNet18, folder: Path) -> None:
    """Write config.json, model.safetensors and preprocessor_config.json."""
    # Convolutions in the usual layout: files say nothing of channels_last.
    network.model.to(memory_format=torch.contiguous_format).save_pretrained(folder)
    ViTImageProcessor(
        size={"height": SIDE_PIXELS, "width": SIDE_PIXELS},
        resample=PILImageResampling.BILINEAR,
        do_resize=True,
        do_rescale=True,
        do_normalize=True,
        image_mean=IMAGENET_STANDARD_MEAN,
        image_std=IMAGENET_STANDARD_STD,
    ).save_pretrained(folder)


class CheckpointClassifier:
    """The saved files, from encoded picture to answer; pictures are resized by the serving code."""

    def __init__(self, folder: Path) -> None:
        self._network = ResNet18(ResNetForImageClassification.from_pretrained(folder)).eval()
        self._transform = transform_to(SIDE_PIXELS)

    def classify(self, pictures: list[bytes]) -> list[Answer]:
        """Answer encoded pictures; `score` is the softmax probability, 0 to 1."""
        answers: list[Answer] = []
        for start in range(0, len(pictures), _BATCH):
            batch = pictures[start : start + _BATCH]
            pixels = np.stack([to_model_input(encoded, self._transform) for encoded in batch])
            with torch.inference_mode():
                logits = self._network(torch.from_numpy(pixels)).numpy()
            digits, scores = top_k(logits, 1)
            answers += [
                Answer(int(digit), float(score))
                for digit, score in zip(digits[:, 0], scores[:, 0], strict=True)
            ]
        return answers


def _per_channel(values: list[float]) -> Tensor:
    """Shape three numbers to go with pictures: [3, 1, 1], float32."""
    return torch.tensor(values).reshape(3, 1, 1)
