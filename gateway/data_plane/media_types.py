"""Which body an alias takes, decided by its task and the Content-Type alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from gateway.data_plane.json_texts import FORMS
from gateway.errors import UnsupportedMediaType
from python_backends.shared.contract import Task


class BodyForm(Enum):
    """How the items lie in a body."""

    IMAGE = auto()  # the body is one encoded image
    FILES = auto()  # a form with one file per image
    TEXTS = auto()  # JSON with one text or several


_FORM_OF: Final[Mapping[Task, Mapping[str, BodyForm]]] = {
    Task.IMAGE_CLASSIFICATION: {
        "application/octet-stream": BodyForm.IMAGE,
        "image/jpeg": BodyForm.IMAGE,
        "image/png": BodyForm.IMAGE,
        "image/webp": BodyForm.IMAGE,
        "multipart/form-data": BodyForm.FILES,
    },
    Task.TEXT_CLASSIFICATION: {"application/json": BodyForm.TEXTS},
}
_TAKES: Final = {
    Task.IMAGE_CLASSIFICATION: "images: send "
    + " or ".join(", ".join(_FORM_OF[Task.IMAGE_CLASSIFICATION]).rsplit(", ", 1)),
    Task.TEXT_CLASSIFICATION: f"texts: send application/json, {FORMS}",
}
# An image says itself what it is; that bytes are JSON has to be said.
_UNDECLARED: Final = {Task.IMAGE_CLASSIFICATION: "application/octet-stream"}


def refuse_content_coding(content_encoding: str | None) -> None:
    """An image is compressed already, and texts are short.

    Raises:
        UnsupportedMediaType: the body is compressed.
    """
    if content_encoding is not None and content_encoding.strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType(
            f"Content-Encoding {content_encoding!r} is not taken here; send the bytes as they are"
        )


def choose_form(content_type: str | None, task: Task) -> BodyForm:
    """Tell how to read a body.

    Args:
        content_type: The header as it came; None where there was none.
        task: What the alias does, and so what it takes.

    Raises:
        UnsupportedMediaType: this alias takes no such body.
    """
    declared = _UNDECLARED.get(task, "") if content_type is None else content_type
    media_type = declared.partition(";")[0].strip().lower()
    form = _FORM_OF[task].get(media_type)
    if form is None:
        refused = f"Content-Type {media_type!r} is not taken" if media_type else "no Content-Type"
        raise UnsupportedMediaType(f"{refused}; this alias classifies {_TAKES[task]}")
    return form
