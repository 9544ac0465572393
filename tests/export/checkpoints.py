"""Small checkpoints of every framework, each able to tell colours, made in seconds.

A network of random features and a head fitted by ridge regression: trained weights, so that the
parity gate means something, without training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.export.coloured_pictures import COLOURS, coloured_picture

LABELS: dict[str, Any] = {
    "id2label": dict(enumerate(COLOURS)),
    "label2id": {name: number for number, name in enumerate(COLOURS)},
}
PER_COLOUR = 24


def fit_head(network: torch.nn.Module, head: torch.nn.Linear, batch: Any) -> None:
    """Let random features settle, then solve for the last layer: classes are thirds of the batch.

    Args:
        network: Called with `batch` as keyword arguments.
        head: Its last layer.
        batch: Inputs, the first third red, then green, then blue.
    """
    seen: list[torch.Tensor] = []
    hook = head.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        network.train()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain mean of what passes
        network(**batch)
        network.eval()
        seen.clear()
        network(**batch)
        hook.remove()
        features = seen[0].flatten(1).double()
        mean, spread = features.mean(0), features.std(0) + 1e-6
        scaled = (features - mean) / spread
        rows = torch.arange(len(scaled))
        wanted = 8 * torch.eye(len(COLOURS)).double()[rows * len(COLOURS) // len(rows)]
        gram = scaled @ scaled.T + 0.1 * torch.eye(len(scaled)).double()
        weights = (scaled.T @ torch.linalg.solve(gram, wanted - wanted.mean())) / spread[:, None]
        head.weight.copy_(weights.T.float())
        head.bias.copy_((wanted.mean() - mean @ weights).float())


def save_image_model(folder: Path, config: Any, processor: Any) -> Path:
    """Write a Hugging Face image classifier of any family."""
    torch.manual_seed(0)
    for name, value in LABELS.items():
        setattr(config, name, value)
    model = transformers.AutoModelForImageClassification.from_config(config)
    head = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
    mode = "L" if getattr(config, "num_channels", 3) == 1 else "RGB"
    pictures = [
        coloured_picture(colour, 100 + number).convert(mode)
        for colour in range(len(COLOURS))
        for number in range(PER_COLOUR)
    ]
    pixels = np.concatenate(
        [processor(images=picture, return_tensors="np")["pixel_values"] for picture in pictures]
    )
    fit_head(model, head, {"pixel_values": torch.from_numpy(pixels).float()})
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def resnet(folder: Path) -> Path:
    """Shortest edge 73, middle 64, bicubic: ConvNext's processor with crop_pct, as ResNets have."""
    config = transformers.ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic"
    )
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 64}, crop_pct=0.875)
    return save_image_model(folder, config, processor)


def vit(folder: Path) -> Path:
    """Stretched to 32 x 32."""
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
    )
    return save_image_model(
        folder, config, transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    )


def convnext(folder: Path) -> Path:
    """Stretched, because its size is 384 or more."""
    config = transformers.ConvNextConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 16, 16])
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 384})
    return save_image_model(folder, config, processor)


def mobilenet(folder: Path) -> Path:
    """Shortest edge, then a crop of its own size."""
    config = transformers.MobileNetV2Config(depth_multiplier=0.35, image_size=64)
    processor = transformers.MobileNetV2ImageProcessor(
        size={"shortest_edge": 72}, crop_size={"height": 64, "width": 64}
    )
    return save_image_model(folder, config, processor)


def efficientnet(folder: Path) -> Path:
    """Rescaled with an offset and normalised twice."""
    config = transformers.EfficientNetConfig(
        image_size=64,
        width_coefficient=0.5,
        depth_coefficient=0.3,
        hidden_dim=640,
        initializer_range=0.2,  # with the usual one so deep a network forgets what it saw
    )
    processor = transformers.EfficientNetImageProcessor(
        size={"height": 64, "width": 64}, rescale_offset=True, rescale_factor=1 / 127.5
    )
    return save_image_model(folder, config, processor)


def mobilevit(folder: Path) -> Path:
    """Blue, green, red."""
    config = transformers.MobileViTConfig(
        image_size=64, hidden_sizes=[24, 32, 40], neck_hidden_sizes=[8, 8, 16, 24, 24, 32, 64]
    )
    processor = transformers.MobileViTImageProcessor(
        size={"shortest_edge": 72}, crop_size={"height": 64, "width": 64}
    )
    return save_image_model(folder, config, processor)


def grey(folder: Path) -> Path:
    """One channel."""
    config = transformers.ResNetConfig(
        num_channels=1, embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic"
    )
    processor = transformers.ViTImageProcessor(
        size={"height": 28, "width": 28}, image_mean=[0.13], image_std=[0.3]
    )
    return save_image_model(folder, config, processor)


WORDS = ("the", "a", "car", "apple", "sky", "is", "very", "deep", "light", "door", *COLOURS)


def tokenizer() -> Any:
    """A tokenizer that knows a dozen words."""
    vocabulary = {word: at for at, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS))}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    plain.normalizer = normalizers.Lowercase()
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, model_max_length=64, **names
    )


def sentence(colour: int, number: int) -> str:
    """Some words with the colour's name among them."""
    rng = np.random.default_rng((colour, number))
    words = rng.choice(WORDS[: -len(COLOURS)], size=int(rng.integers(3, 12))).tolist()
    return " ".join([*words[:2], COLOURS[colour], *words[2:]])


def bert(folder: Path) -> Path:
    """A sequence-classification head."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        vocab_size=4 + len(WORDS),
        max_position_embeddings=64,
        **LABELS,
    )
    model = transformers.BertForSequenceClassification(config)
    tokens = tokenizer()
    texts = [sentence(colour, number) for colour in range(3) for number in range(100, 180)]
    batch = tokens(texts, padding="max_length", max_length=32, return_tensors="pt")
    fit_head(model, model.classifier, {key: batch[key] for key in ("input_ids", "attention_mask")})
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


class ColourNet(torch.nn.Module):  # type: ignore[misc]  # .venv has no torch
    """A plain torch network, 24 x 32 pixels, as somebody's own package would have it."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, 2), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
        )
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 24, 32] -> [N, 3]."""
        return self.head(self.features(x).mean(dim=(2, 3)))


def colour_net() -> ColourNet:
    """The factory that torch: names."""
    return ColourNet()


def fitted_colour_net() -> ColourNet:
    """The same with weights: what somebody trained."""
    torch.manual_seed(0)
    network = ColourNet()
    pixels = np.stack(
        [
            np.asarray(coloured_picture(colour, 100 + number).resize((32, 24)), np.float32)
            for colour in range(3)
            for number in range(PER_COLOUR)
        ]
    )
    normalised = (pixels.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.25
    fit_head(network, network.head, {"x": torch.from_numpy(normalised).float()})
    return network
