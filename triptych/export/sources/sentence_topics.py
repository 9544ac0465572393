"""A sentence encoder and topics as one network: pooling, cosine and the labels are in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from triptych.errors import SourceUnfit
from triptych.export.sources.hf_files import read_json

# Cosines lie close together; without a scale their softmax would say nothing.
# Source: sentence-transformers, MultipleNegativesRankingLoss, scale=20.0, with which most sentence
# encoders were trained.
LOGIT_SCALE: Final = 20.0
_POOLING_FILE: Final = "1_Pooling/config.json"
_POOLINGS: Final = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
_KNOWN_MODULES: Final = frozenset({"Transformer", "Pooling", "Normalize"})


def check_modules(folder: Path) -> None:
    """See that a sentence-transformers model is a transformer, a pooling and a normalisation.

    Raises:
        SourceUnfit: it does more, which would be left out silently.
    """
    modules = read_json(folder, "modules.json")
    listed = modules if isinstance(modules, list) else []
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in listed]
    unknown = [kind for kind in kinds if kind not in _KNOWN_MODULES]
    if unknown:
        raise SourceUnfit(f"The encoder has a {unknown[0]} module, which cannot be served yet.")
    if read_json(folder, "sentence_bert_config.json").get("do_lower_case"):
        raise SourceUnfit(
            "The encoder lowers the case outside of its tokenizer; that is not known."
        )
    if read_json(folder, "config_sentence_transformers.json").get("default_prompt_name"):
        raise SourceUnfit("The encoder puts a prompt before each text, which is not known here.")


def read_pooling(folder: Path) -> str:
    """How token vectors become one: "mean" (also where nothing is said) or "cls".

    Raises:
        SourceUnfit: it is another way.
    """
    config = read_json(folder, _POOLING_FILE)
    modes = [key for key, value in config.items() if key in _POOLINGS and value is True]
    others = [
        key
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value is True and key not in _POOLINGS
    ]
    named = config.get("pooling_mode")
    chosen = [named] if isinstance(named, str) else [_POOLINGS[mode] for mode in modes]
    if not config:
        return "mean"
    if others or len(chosen) != 1 or chosen[0] not in _POOLINGS.values():
        raise SourceUnfit(f"The encoder pools in a way that is not known here: {config}.")
    return chosen[0]


class SentenceTopics(torch.nn.Module):
    """Scores a text by the cosine of its embedding with each topic's.

    Args:
        encoder: A transformers model that answers last_hidden_state.
        pooling: "mean" or "cls".
    """

    topics: torch.Tensor

    def __init__(self, encoder: torch.nn.Module, pooling: str) -> None:
        super().__init__()
        self.model = encoder
        self._pooling = pooling
        self.register_buffer("topics", torch.empty(0))

    def set_topics(self, described: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Embed each topic's description, token ids and mask [1, length], once and for all."""
        with torch.no_grad():
            embedded = torch.cat([self.embed(*tokens) for tokens in described])
            self.topics = embedded.T.contiguous()

    def embed(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """One unit vector per text, [N, D], float32.

        Mean pooling counts real tokens only. Source: sentence-transformers, models/Pooling.py.
        """
        tokens = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self._pooling == "cls":
            pooled = tokens[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(tokens.dtype)
            pooled = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(pooled, dim=1)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """[N, L] and [N, L], int64 -> scaled cosines [N, C], -20 to 20."""
        return LOGIT_SCALE * self.embed(input_ids, attention_mask) @ self.topics
