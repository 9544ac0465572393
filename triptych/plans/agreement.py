"""Whether a plan answers as ONNX does, item by item. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from python_backends.shared.contract import ItemAnswer

# bf16 may differ by 0.05 at export (export/parity.py) and was measured at up to 0.009; fp16 has
# three bits more.
SCORE_TOLERANCE: Final = 0.02


def find_disagreement(
    names: Sequence[str], onnx: Sequence[ItemAnswer], plan: Sequence[ItemAnswer]
) -> str | None:
    """Say where the plan is wrong first, or nothing.

    Args:
        names: Of the items, for people.
        onnx: What is served now.
        plan: What the plan answers to the same items.
    """
    told = (_disagreement(*each) for each in zip(names, onnx, plan, strict=True))
    return next((reason for reason in told if reason), None)


def _disagreement(name: str, onnx: ItemAnswer, plan: ItemAnswer) -> str | None:
    if onnx.status is not plan.status:
        return f"{name} is {plan.status.name} with the plan and {onnx.status.name} without"
    if onnx.labels[:1] != plan.labels[:1]:
        return f"{name} is {plan.labels[:1]} with the plan and {onnx.labels[:1]} without"
    with_plan = dict(zip(plan.labels, plan.scores, strict=True))
    without = dict(zip(onnx.labels, onnx.scores, strict=True))
    for label in {**without, **with_plan}:
        # Of a label that is not among the best, only this is known: it scored less than the last.
        ours = with_plan.get(label, min(plan.scores))
        theirs = without.get(label, min(onnx.scores))
        # In this form NaN, which compares as nothing, is a disagreement.
        if not abs(ours - theirs) <= SCORE_TOLERANCE:
            return f"{name} scores {ours:.4f} for {label!r} with the plan and {theirs:.4f} without"
    return None
