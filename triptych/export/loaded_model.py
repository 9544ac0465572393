"""What every source becomes: a graph to serve, and the source itself to compare it with."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from python_backends.shared.contract import Task
from triptych.errors import OptionInvalid, SourceUnfit
from triptych.export.normalisation import Normalisation
from triptych.export.preprocess_steps import PreprocessStep

if TYPE_CHECKING:
    import onnx

# Controls, line and paragraph separators, halves of surrogate pairs: labels.txt has one per line.
_UNFIT: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})
# The inputs of the network for one item or for a batch: pixel values, or token ids and mask.
Tensors = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class SourceModel:
    """The source framework, asked for what it would answer itself.

    Attributes:
        prepare: One encoded item -> the network's inputs without batch, by the source's own
            preprocessing.
        infer: A batch of inputs -> scores [N, C], float32: logits, or log-probabilities where the
            network ends in a softmax.
        normalisation: How served pixels and network inputs belong together; None for texts.
        preprocessing: Whose preprocessing `prepare` is, for the report.
        has_logits: Whether `infer` gives the very numbers that the served LOGITS should be.
    """

    prepare: Callable[[bytes], Tensors]
    infer: Callable[[Tensors], NDArray[np.float32]]
    normalisation: Normalisation | None
    preprocessing: str
    has_logits: bool = True


@dataclass(frozen=True)
class LoadedModel:
    """A source, loaded and converted.

    Attributes:
        step: What goes before the network.
        graph: What is served: PIXELS, or INPUT_IDS and ATTENTION_MASK -> LOGITS.
        labels: One per class.
        source: The framework's own model.
        origin: Where it comes from: strings for release.json.
        is_trained: Whether the weights come from a checkpoint; random ones prove nothing.
    """

    step: PreprocessStep
    graph: onnx.ModelProto
    labels: tuple[str, ...]
    source: SourceModel
    origin: Mapping[str, str]
    is_trained: bool = True

    @property
    def task(self) -> Task:
        """What it does."""
        return self.step.task


@dataclass(frozen=True)
class SourceOptions:
    """What a person may say about a source beside its name.

    Attributes:
        task: None leaves it to the checkpoint; "zero-shot" wants `topics`.
        labels: One per class; None takes the checkpoint's own, or numbers.
        topics: Label -> description, for zero-shot classification.
        weights: State dict for a torch factory.
        transform: Fields of a transform, as options or YAML gave them.
        max_tokens: Fixed length of texts; None lets the checkpoint decide, 128 at most.
    """

    task: str | None = None
    labels: tuple[str, ...] | None = None
    topics: Mapping[str, str] = field(default_factory=dict)
    weights: Path | None = None
    transform: Mapping[str, object] = field(default_factory=dict)
    max_tokens: int | None = None


def choose_labels(
    given: Sequence[str] | None, own: Sequence[str] | None, classes: int
) -> tuple[str, ...]:
    """Take the labels that somebody gave, or the checkpoint's own, or numbers.

    Raises:
        OptionInvalid: they are not one per class, or not all different.
        SourceUnfit: the checkpoint's own are not one per class, or there are no classes.
    """
    if classes < 2:
        raise SourceUnfit(f"The network has {classes} output; two or more classes are needed.")
    if given is not None and len(given) != classes:
        raise OptionInvalid(
            f"There are {len(given)} labels, but the network has {classes} classes."
        )
    if given is None and own is not None and len(own) != classes:
        raise SourceUnfit(f"The checkpoint names {len(own)} labels for {classes} classes.")
    if given is not None and len(set(given)) != len(given):
        raise OptionInvalid("A label is there twice; nobody could tell its classes apart.")
    labels = tuple(given or own or (str(number) for number in range(classes)))
    for label in labels:
        if not label.strip() or any(unicodedata.category(sign) in _UNFIT for sign in label):
            unfit = SourceUnfit if given is None else OptionInvalid
            raise unfit(f"The label {label!r} is no single line of plain text.")
    return labels
