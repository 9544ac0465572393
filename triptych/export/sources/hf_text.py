"""Text classification from a directory in Hugging Face format: a head of its own, or topics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tokenizers import Tokenizer

from triptych.errors import OptionInvalid, SourceUnfit
from triptych.export.loaded_model import (
    LoadedModel,
    SourceOptions,
    Tensors,
    choose_labels,
)
from triptych.export.onnx_graph import serve_texts
from triptych.export.preprocess_steps import TextStep
from triptych.export.refusal import refusing
from triptych.export.sources import hf_files
from triptych.export.sources.sentence_topics import (
    SentenceTopics,
    check_modules,
    read_pooling,
)
from triptych.export.sources.source_answers import Infer, answering
from triptych.export.sources.torch_graph import count_classes, runner, trace

# Sentences are short, and every token of the fixed length costs time whether it is used or not.
_USUAL_TOKENS: Final = 128


class TextLogits(torch.nn.Module):
    """A transformers classifier that takes two tensors and answers with one."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """[N, L] and [N, L], int64 -> [N, classes]."""
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def load_classifier(name: str, options: SourceOptions) -> LoadedModel:
    """Load a sequence-classification head.

    Raises:
        SourceUnfit: see the sentence.
    """
    folder = hf_files.find_checkpoint(name)
    kind = transformers.AutoModelForSequenceClassification
    model = hf_files.quietly(lambda: hf_files.load_weights(kind, folder))
    hf_files.check_single_label(model.config)
    own = hf_files.own_labels(model.config)
    return _finish(name, folder, TextLogits(model).eval(), options, own)


def load_topics(name: str, options: SourceOptions) -> LoadedModel:
    """Load a sentence-embedding model and make it choose among topics.

    Raises:
        SourceUnfit: see the sentence.
        OptionInvalid: there are fewer than two topics.
    """
    if len(options.topics) < 2:
        raise OptionInvalid("Zero-shot classification chooses among topics; give two or more.")
    if options.labels is not None:
        raise OptionInvalid("Topics bring their own labels; --labels has no meaning with them.")
    folder = hf_files.find_checkpoint(name)
    check_modules(folder)
    kind = transformers.AutoModel
    encoder = hf_files.quietly(lambda: hf_files.load_weights(kind, folder, not_needed="pooler."))
    tokenizer = _read_tokenizer(folder)
    length = _choose_length(options.max_tokens, tokenizer, encoder.config)
    network = SentenceTopics(encoder, read_pooling(folder)).eval()
    described = [
        tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
        for text in options.topics.values()
    ]
    network.set_topics([(it["input_ids"], it["attention_mask"]) for it in described])
    loaded = _finish(name, folder, network, options, list(options.topics))
    topics = "; ".join(f"{label}: {text}" for label, text in options.topics.items())
    return replace(loaded, origin={**loaded.origin, "topics": topics})


def _finish(
    name: str, folder: Path, network: torch.nn.Module, options: SourceOptions, own: list[str] | None
) -> LoadedModel:
    tokenizer = _read_tokenizer(folder)
    model: Any = network.get_submodule("model")
    length = _choose_length(options.max_tokens, tokenizer, model.config)
    examples = _example(length)
    classes = count_classes(network, examples)
    traced = trace(network, examples)

    def prepare(encoded: bytes) -> Tensors:
        text = encoded.decode("utf-8")
        tokens = tokenizer(
            text, padding="max_length", truncation=True, max_length=length, return_tensors="np"
        )
        return tuple(tokens[field][0].astype(np.int64) for field in ("input_ids", "attention_mask"))

    return LoadedModel(
        step=TextStep(length, _freeze_tokenizer(tokenizer, length)),
        graph=serve_texts(traced, length, classes),
        labels=choose_labels(options.labels, own, classes),
        source=answering(
            traced,
            _without_padding(runner(network)),
            prepare,
            None,
            f"transformers {type(tokenizer).__name__}",
        ),
        origin=hf_files.origin(name, folder, type(model).__name__),
    )


def _without_padding(infer: Infer) -> Infer:
    """Ask about each text as it is, where serving pads it: the padding must not matter."""

    def infer_bare(tensors: Tensors) -> NDArray[np.float32]:
        answers = []
        for row in range(len(tensors[0])):
            real = tensors[1][row] == 1
            real[0] |= not real.any()  # a text of no token at all
            answers.append(infer(tuple(tensor[row : row + 1, real] for tensor in tensors)))
        return np.concatenate(answers)

    return infer_bare


def _example(length: int) -> list[torch.Tensor]:
    mask = torch.ones(2, length, dtype=torch.int64)
    mask[1, length // 2 :] = 0  # so that nothing in the trace takes a full mask for granted
    return [torch.ones(2, length, dtype=torch.int64), mask]


def _read_tokenizer(folder: Path) -> Any:  # noqa: ANN401 - transformers' own type
    with refusing("The tokenizer cannot be read"):
        tokenizer = hf_files.quietly(
            lambda: transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        )
    if not getattr(tokenizer, "is_fast", False) or tokenizer.pad_token_id is None:
        raise SourceUnfit(
            "The tokenizer has no tokenizer.json with a padding token, which serving needs."
        )
    return tokenizer


def _choose_length(asked: int | None, tokenizer: Any, config: Any) -> int:  # noqa: ANN401 - see above
    """As asked, or what is usual; never more than the network has positions for.

    Raises:
        OptionInvalid: more was asked for.
    """
    positions = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    most = int(min(tokenizer.model_max_length, positions))
    if asked is not None and not 2 <= asked <= most:
        raise OptionInvalid(f"--max-tokens is {asked}; this network takes 2 to {most}.")
    return asked or min(_USUAL_TOKENS, most)


def _freeze_tokenizer(tokenizer: Any, length: int) -> bytes:  # noqa: ANN401 - transformers' own type
    """Write tokenizer.json with truncation and padding to one length inside."""
    frozen = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    frozen.enable_truncation(length, direction=tokenizer.truncation_side)
    frozen.enable_padding(
        direction=tokenizer.padding_side,
        pad_id=tokenizer.pad_token_id,
        pad_type_id=tokenizer.pad_token_type_id,
        pad_token=tokenizer.pad_token,
        length=length,
    )
    return str(frozen.to_str()).encode()
