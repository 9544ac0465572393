"""The parity gate of one export: every engine's served answers against the source's own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from triptych.errors import EngineUnfit, OptionInvalid
from triptych.export.golden_inputs import Item
from triptych.export.loaded_model import LoadedModel, SourceModel, Tensors
from triptych.export.parity import (
    QUICK_TOLERANCES,
    TOLERANCES,
    ParityReport,
    Tolerances,
    compare,
)
from triptych.export.release_writer import EngineVerdict, GoldenInput
from triptych.export.served_answers import ServedAnswers

_SCORE_DIGITS: Final = 6

Infer = Callable[[Tensors], NDArray[np.float32]]


@dataclass(frozen=True)
class Wishes:
    """What a person says of tolerances and of the weights; None leaves the usual tolerance."""

    top_1: float | None = None
    score: float | None = None
    is_untrained: bool = False

    def tolerances(self, precision: str, *, is_quick: bool) -> Tolerances:
        """What is asked of answers that were computed in "fp32", "bf16" or "int8".

        Args:
            precision: One of the three.
            is_quick: Whether preprocessing may be a level or two beside the source's.

        Raises:
            OptionInvalid: a tolerance is no number.
        """
        for given in (self.top_1, self.score):
            if given is not None and not math.isfinite(given):
                raise OptionInvalid("A tolerance is a finite number.")
        usual = (QUICK_TOLERANCES if is_quick else TOLERANCES)[precision]
        return replace(
            usual,
            top_1=usual.top_1 if self.top_1 is None else self.top_1,
            score=usual.score if self.score is None else self.score,
        )


class Gate:
    """Judges what is served; the source is asked the same thing once.

    Args:
        loaded: The source.
        items: The golden inputs.
        prepared: What the source's own preprocessing makes of each.
        wishes: Of whoever exports.
    """

    def __init__(
        self, loaded: LoadedModel, items: Sequence[Item], prepared: Tensors, wishes: Wishes
    ) -> None:
        self._loaded, self._items, self._prepared, self._wishes = loaded, items, prepared, wishes
        self._source: SourceModel = replace(loaded.source, infer=_remembering(loaded.source.infer))

    def judge(self, served: ServedAnswers, precision: str) -> ParityReport:
        """Compare one engine's answers.

        Raises:
            SourceUnfit: the source's own cannot be judged.
            EngineUnfit: these cannot.
        """
        return compare(
            [item.name for item in self._items],
            self._prepared,
            self._source,
            served,
            self._loaded.labels,
            is_trained=self._loaded.is_trained and not self._wishes.is_untrained,
            tolerances=self._wishes.tolerances(precision, is_quick=self._loaded.step.is_quick),
        )

    def judge_engine(
        self, served: ServedAnswers | str, precision: str, kept: Sequence[GoldenInput]
    ) -> EngineVerdict:
        """Say whether a supervisor may switch to an engine, and what canaries then ask of it.

        Args:
            served: Its answers, or why there are none.
            precision: What it computes in.
            kept: The golden inputs that the release keeps.
        """
        if isinstance(served, str):
            return _unfit(served)
        try:
            report = self.judge(served, precision)
        except EngineUnfit as exc:
            return _unfit(str(exc))
        answers = self.answers(served, kept) if report.has_passed else ()
        return EngineVerdict(report.has_passed, report.to_json(), answers)

    def answers(
        self, served: ServedAnswers, kept: Sequence[GoldenInput]
    ) -> tuple[tuple[str, float], ...]:
        """Label and score of each golden input that is kept."""
        rows = {item.name: row for row, item in enumerate(self._items)}
        return tuple(best_answer(served, rows[item.file_name]) for item in kept)


def _unfit(reason: str) -> EngineVerdict:
    return EngineVerdict(passed=False, parity={"passed": False, "failures": [reason]})


def best_answer(served: ServedAnswers, row: int) -> tuple[str, float]:
    """The first label of one item, and its score."""
    return str(served.labels[row, 0]), round(float(served.scores[row, 0]), _SCORE_DIGITS)


def _remembering(infer: Infer) -> Infer:
    """Ask only what was not asked before: engines get the same pixels."""
    known: dict[bytes, NDArray[np.float32]] = {}

    def ask(tensors: Tensors) -> NDArray[np.float32]:
        key = b"".join(hashlib.sha256(tensor.tobytes()).digest() for tensor in tensors)
        if key not in known:
            known[key] = infer(tensors)
        return known[key]

    return ask
