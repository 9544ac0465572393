"""What the page says of pictures or of texts, by the task of the chosen model. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ui.calls.routes import IMAGE_TASK, TEXT_TASK, Route
from ui.texts import Texts

_TABLES = {IMAGE_TASK: "task.image", TEXT_TASK: "task.text"}


@dataclass(frozen=True)
class TaskWords:
    """The sentences that differ from task to task.

    Attributes:
        invitation: Under the title.
        how_it_works: In the sidebar.
        missing: Where the answer will be, as long as nothing was given.
        working: While the gateway is asked.
    """

    invitation: str
    how_it_works: str
    missing: str
    working: str


def words_for(route: Route | None, texts: Texts) -> TaskWords:
    """Pick the sentences that fit the chosen model, or that there is none."""
    table = "task.none" if route is None else _TABLES[route.task]
    return TaskWords(
        invitation=texts(f"{table}.invitation"),
        how_it_works=texts(f"{table}.how_it_works"),
        missing=texts(f"{table}.missing"),
        working=texts(f"{table}.working"),
    )
