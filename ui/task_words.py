"""What the page says of pictures or of texts, by the task of the chosen model. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ui.gateway_answers import IMAGE_TASK, TEXT_TASK, Route


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


WORDS = {
    IMAGE_TASK: TaskWords(
        invitation="Give it a picture; a Triton ensemble answers.",
        how_it_works=(
            "The picture travels as it is. One Triton ensemble decodes it, runs the model and "
            "names the labels: three panels, one answer."
        ),
        missing="Give a picture; the answer appears here.",
        working="The ensemble is looking at it …",
    ),
    TEXT_TASK: TaskWords(
        invitation="Give it a text; a Triton ensemble answers.",
        how_it_works=(
            "The text travels as it is. One Triton ensemble cuts it into tokens, runs the model "
            "and names the labels: three panels, one answer."
        ),
        missing="Write a text; the answer appears here.",
        working="The ensemble is reading it …",
    ),
}

NO_MODEL = TaskWords(
    invitation="Give it a picture or a text; a Triton ensemble answers.",
    how_it_works=(
        "What you give travels as it is. One Triton ensemble prepares it, runs the model and "
        "names the labels: three panels, one answer."
    ),
    missing=(
        "The service is ready, but it has no model for pictures or texts yet. "
        "As soon as somebody adds one, this page offers it by itself."
    ),
    working="The ensemble is at work …",
)


def words_for(route: Route | None) -> TaskWords:
    """Pick the sentences that fit the chosen model, or that there is none."""
    return NO_MODEL if route is None else WORDS[route.task]
