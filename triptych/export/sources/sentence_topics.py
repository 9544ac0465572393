"""A sentence encoder and topics as one network: pooling, cosine and the labels are in the graph."""

from __future__ import annotations

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


def read_pooling(folder: Path) -> str:
    """How token vectors become one: "mean" (also where nothing is said) or "cls".

    Raises:
        SourceUnfit: it is another way.
    """
    wanted = [
        key for key, value in read_json(folder, _POOLING_FILE).items()
        if key.startswith("pooling_mode_") and value is True
    ]  # fmt: skip
    if len(wanted) > 1 or any(key not in _POOLINGS for key in wanted):
        raise SourceUnfit(f"The encoder pools by {', '.join(wanted)}, which is not known here.")
    return _POOLINGS[wanted[0]] if wanted else "mean"


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

    def set_topics(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> None:
        """Embed the topics' descriptions, [C, L] and [C, L], int64, once and for all."""
        with torch.no_grad():
            self.topics = self.embed(input_ids, attention_mask).T.contiguous()

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
