"""The one place where a protocol request asks for answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from gateway.data_plane.request_body import MAX_JSON_BYTES
from python_backends.shared.contract import ItemAnswer, Status, Task

_EMPTY: Final = ItemAnswer(Status.UNDECODABLE, (), ())
_TOO_LARGE: Final = ItemAnswer(Status.TOO_LARGE, (), ())

# Answers one or more items, none of them empty, in their order; the predict endpoints use the same.
Ask = Callable[[Sequence[bytes]], Awaitable[Sequence[ItemAnswer]]]


async def answer_items(
    ask: Ask, task: Task, items: Sequence[bytes], *, max_image_bytes: int
) -> Sequence[ItemAnswer]:
    """Answer each item; what cannot be right is refused here, alone, and costs Triton nothing.

    Raises:
        InferenceError: Triton did not answer.
    """
    # How long a text may be, its release says; but Triton never gives back the memory of one.
    most = max_image_bytes if task is Task.IMAGE_CLASSIFICATION else MAX_JSON_BYTES
    sent = [item for item in items if 0 < len(item) <= most]
    answers = await ask(sent) if sent else ()
    if len(sent) == len(items):
        return answers
    given = iter(answers)
    return [_TOO_LARGE if len(it) > most else next(given) if it else _EMPTY for it in items]
