"""Does the served pipeline answer as the source does? Arrays in, a report out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.top_k import softmax
from triptych.errors import EngineUnfit, SourceUnfit
from triptych.export.loaded_model import SourceModel, Tensors
from triptych.export.served_answers import ServedAnswers

_TOP: Final = 5
# Mean of the source's best scores, from chance (0) to certainty (1). Networks of random weights
# stay below 0.01; trained ones are rarely so unsure, even of pictures that are none of theirs.
_LEAST_CONFIDENCE: Final = 0.05


@dataclass(frozen=True)
class Tolerances:
    """What the gate asks for.

    Attributes:
        top_1: Least share of golden inputs whose best label is the source's.
        score: Largest difference of any class's softmax probability; None asks nothing of it.
        model_score: The same of the model step alone, on the pixels that are served.
    """

    top_1: float
    score: float | None
    model_score: float | None = None


# By what the products are computed in.
TOLERANCES: Final = {
    "fp32": Tolerances(1.0, 1e-3),
    "bf16": Tolerances(0.99, 0.05),
    "int8": Tolerances(0.98, None),
}
# Quick preprocessing moves pixels by a level or two, and scores of good pictures by up to 0.01.
QUICK_TOLERANCES: Final = {**TOLERANCES, "fp32": Tolerances(1.0, 0.02, model_score=1e-3)}


@dataclass(frozen=True)
class Difference:
    """Largest and mean absolute difference of two arrays."""

    largest: float
    mean: float

    @classmethod
    def of(cls, ours: NDArray[Any], theirs: NDArray[Any]) -> Difference:
        """Compare arrays of the same shape."""
        difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
        return cls(round(float(difference.max()), 8), round(float(difference.mean()), 8))


@dataclass(frozen=True)
class ParityReport:
    """The gate's findings; release.json carries it whole.

    Attributes:
        inputs: How many golden inputs there were.
        classes_met: How many different best labels the source gave.
        classes: How many there are.
        top_1_agreement: Share of inputs with the source's best label.
        top_5_overlap: Mean share of the source's five best labels among the served five.
        scores: Softmax probabilities, all classes.
        features: What the preprocess step gives: pixels, 0 to 255, or token ids.
        model_scores: The model step alone: source and served network on the served features.
        model_logits: The same before the softmax; None where the source gives no logits.
        preprocessing: Whose preprocessing the source's side is.
        tolerances: What was asked for.
        is_meaningful: Whether agreement says anything.
        failures: One sentence each; none means that the gate is passed.
        disagreements: Golden inputs whose best label differs, with both labels, at most twenty.
    """

    inputs: int
    classes_met: int
    classes: int
    top_1_agreement: float
    top_5_overlap: float
    scores: Difference
    features: Difference
    model_scores: Difference
    model_logits: Difference | None
    preprocessing: str
    tolerances: Tolerances
    is_meaningful: bool
    failures: tuple[str, ...]
    disagreements: tuple[tuple[str, str, str], ...]

    @property
    def has_passed(self) -> bool:
        """Whether a route may name the release."""
        return not self.failures

    def to_json(self) -> dict[str, object]:
        """As it stands in release.json."""
        return {"passed": self.has_passed, **asdict(self)}


def compare(
    names: Sequence[str],
    prepared: Tensors,
    source: SourceModel,
    served: ServedAnswers,
    labels: Sequence[str],
    *,
    is_trained: bool,
    tolerances: Tolerances,
) -> ParityReport:
    """Hold the served answers against the source's own.

    `names` are those of the golden inputs, [N]; `prepared` holds what the source's own
    preprocessing makes of them, with batch N; `labels` are one per class, [C].
    """
    asked = _ask_one_by_one(source, prepared)
    alone = _ask_one_by_one(source, _network_inputs(source, served.features))
    _check_answers(source, names, asked, served.logits)
    theirs, ours = softmax(asked), softmax(served.logits)
    disagreements = _disagreements(names, theirs, served, labels)
    met, classes = len(set(theirs.argmax(axis=1).tolist())), theirs.shape[1]
    agreement, scores = 1 - len(disagreements) / len(names), Difference.of(ours, theirs)
    doubts = _doubts(met, theirs, is_trained=is_trained)
    missed = _missed(agreement, scores, Difference.of(ours, softmax(alone)), tolerances)
    return ParityReport(
        inputs=len(names),
        classes_met=met,
        classes=classes,
        top_1_agreement=agreement,
        top_5_overlap=_overlap(theirs, served.labels, labels),
        scores=scores,
        features=_compare_features(source, prepared, served.features),
        model_scores=Difference.of(ours, softmax(alone)),
        model_logits=Difference.of(served.logits, alone) if source.has_logits else None,
        preprocessing=source.preprocessing,
        tolerances=tolerances,
        is_meaningful=not doubts,
        failures=(*missed, *doubts, *_inconsistent(served, labels)),
        disagreements=disagreements[:20],
    )


def _ask_one_by_one(source: SourceModel, tensors: Tensors) -> NDArray[np.float32]:
    """Ask the source about each item alone.

    Triton is asked in batches: an item that its neighbours change shows as a difference.
    """
    items = range(len(tensors[0]))
    answers = [source.infer(tuple(tensor[at : at + 1] for tensor in tensors)) for at in items]
    return np.concatenate(answers)


def _check_answers(
    source: SourceModel,
    names: Sequence[str],
    asked: NDArray[np.float32],
    answered: NDArray[np.float32],
) -> None:
    """Refuse what no comparison can judge, [N, C] each.

    Raises:
        SourceUnfit: an answer of the source is no number, or all of them are probabilities.
        EngineUnfit: a served answer is no number.
    """
    for name, theirs, ours in zip(names, asked, answered, strict=True):
        if not np.isfinite(theirs).all():
            raise SourceUnfit(f"The network answers {name} with NaN or infinity.")
        if not np.isfinite(ours).all():
            raise EngineUnfit(f"It answers {name} with NaN or infinity, which the source does not.")
    # The postprocess step would flatten probabilities once more.
    if source.has_logits and (asked >= 0).all() and np.allclose(asked.sum(1), 1, atol=1e-3):
        raise SourceUnfit(
            "The network answers with probabilities, and not by a final softmax that could be cut "
            "off. Export it without, so that it answers with logits."
        )


def _disagreements(
    names: Sequence[str], theirs: NDArray[np.float32], served: ServedAnswers, labels: Sequence[str]
) -> tuple[tuple[str, str, str], ...]:
    """Inputs whose best class differs, or that were refused; classes may share a label."""
    expected, answered = theirs.argmax(axis=1), served.logits.argmax(axis=1)
    return tuple(
        (name, labels[expected[row]], str(served.labels[row, 0]))
        for row, name in enumerate(names)
        if expected[row] != answered[row] or not served.labels[row, 0]
    )


def _missed(
    agreement: float, scores: Difference, of_model: Difference, tolerances: Tolerances
) -> list[str]:
    failures = []
    if agreement < tolerances.top_1:
        failures.append(f"top-1 agreement is {agreement:.2%}, {tolerances.top_1:.2%} is needed")
    if tolerances.score is not None and scores.largest > tolerances.score:
        failures.append(f"a score differs by {scores.largest:.2g}, {tolerances.score:g} is allowed")
    if tolerances.model_score is not None and of_model.largest > tolerances.model_score:
        failures.append(
            f"a score of the model step alone differs by {of_model.largest:.2g}, "
            f"{tolerances.model_score:g} is allowed"
        )
    return failures


def _doubts(met: int, theirs: NDArray[np.float32], *, is_trained: bool) -> list[str]:
    """Why agreement would say nothing; `theirs` are the source's scores, [N, C], 0 to 1."""
    classes = theirs.shape[1]
    if not is_trained:
        return ["agreement not meaningful: the weights are random"]
    chance = 1 / classes
    if theirs.max(axis=1).mean() < chance + _LEAST_CONFIDENCE * (1 - chance):
        return [
            "agreement not meaningful: the source's best scores are hardly above chance, as those "
            "of random weights are"
        ]
    if met < min(classes, _TOP):
        return [
            f"agreement not meaningful: the golden inputs meet {met} of {classes} classes, "
            f"{min(classes, _TOP)} are needed (give your own with --golden)"
        ]
    return []


def _inconsistent(served: ServedAnswers, labels: Sequence[str]) -> list[str]:
    """The ensemble has to say what its own steps say; an item that it refuses fails here."""
    answered = served.labels[:, 0]
    refused = int((answered == "").sum())
    if refused:
        return [f"{refused} golden inputs were refused by the preprocess step"]
    if answered.tolist() != [labels[best] for best in served.logits.argmax(axis=1)]:
        return ["the ensemble's labels are not its model's"]
    if np.abs(softmax(served.logits).max(axis=1) - served.scores[:, 0]).max() > 1e-4:
        return ["the ensemble's scores are not its model's"]
    return []


def _overlap(theirs: NDArray[np.float32], ours: NDArray[np.str_], labels: Sequence[str]) -> float:
    top = min(_TOP, theirs.shape[1], ours.shape[1])
    shares = [
        len({labels[best] for best in row.argsort()[::-1][:top]} & set(answered[:top])) / top
        for row, answered in zip(theirs, ours.tolist(), strict=True)
    ]
    return float(np.mean(shares))


def _network_inputs(source: SourceModel, features: Tensors) -> Tensors:
    if source.normalisation is None:
        return features
    return (source.normalisation.apply(features[0]),)


def _compare_features(source: SourceModel, prepared: Tensors, features: Tensors) -> Difference:
    if source.normalisation is None:
        # Where the mask is 0 the id is padding, on both sides.
        return Difference.of(features[0] * features[1], prepared[0] * prepared[1])
    ours = features[0][..., list(source.normalisation.channels)]
    return Difference.of(ours, source.normalisation.undo(prepared[0]))
