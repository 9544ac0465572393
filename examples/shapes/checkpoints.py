"""Write checkpoints of well-known shapes, made from their configuration with a fixed seed.

python -m examples.shapes.checkpoints FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
import transformers

SEED: Final = 0
CLASSES: Final = 1000
# As torchvision and timm resize for ImageNet: shortest edge 256, the middle 224.
_CROPPED: Final[dict[str, Any]] = {"size": {"shortest_edge": 224}, "crop_pct": 0.875}
_STRETCHED: Final[dict[str, Any]] = {"size": {"height": 224, "width": 224}}


def _labels() -> dict[str, Any]:
    names = [f"class {number}" for number in range(CLASSES)]
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def resnet18() -> tuple[Any, Any]:
    """11.7 million parameters. Source: K. He et al., 2015, table 1."""
    config = transformers.ResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        **_labels(),
    )
    return config, transformers.ConvNextImageProcessor(**_CROPPED)


def resnet50() -> tuple[Any, Any]:
    """25.6 million parameters. Source: K. He et al., 2015, table 1."""
    return transformers.ResNetConfig(**_labels()), transformers.ConvNextImageProcessor(**_CROPPED)


def vit_tiny() -> tuple[Any, Any]:
    """5.7 million parameters. Source: H. Touvron et al., DeiT, 2020, table 1, DeiT-Ti."""
    config = transformers.ViTConfig(
        hidden_size=192,
        num_hidden_layers=12,
        num_attention_heads=3,
        intermediate_size=768,
        **_labels(),
    )
    return config, transformers.ViTImageProcessor(**_STRETCHED)


def tiny() -> tuple[Any, Any]:
    """A network that takes less time than the picture before it: six convolutions."""
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", **_labels()
    )
    return config, transformers.ConvNextImageProcessor(**_CROPPED)


SHAPES: Final[dict[str, Callable[[], tuple[Any, Any]]]] = {
    "resnet18-shape": resnet18,
    "resnet50-shape": resnet50,
    "vit-tiny-shape": vit_tiny,
}
# Only measured, as the pipeline around a network that costs nothing.
ALL_SHAPES: Final = {**SHAPES, "tiny-shape": tiny}


def write_checkpoint(name: str, folder: Path) -> Path:
    """Write one in Hugging Face format; what is there already stays.

    Weights are random, but batch normalisation has seen noise, so that numbers stay in range.
    """
    target = folder / name
    if (target / "model.safetensors").is_file():
        return target
    torch.manual_seed(SEED)
    config, processor = ALL_SHAPES[name]()
    model = transformers.AutoModelForImageClassification.from_config(config).train()
    with torch.no_grad():
        for _ in range(2):
            model(torch.randn(4, 3, 224, 224))
    model.save_pretrained(target)
    processor.save_pretrained(target)
    return target


if __name__ == "__main__":
    for shape in SHAPES:
        print(write_checkpoint(shape, Path(sys.argv[1])))
