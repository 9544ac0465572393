"""What the clients answer: frozen, typed, the same from the gateway and from Triton."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from python_backends.shared.contract import Status, Task


@dataclass(frozen=True, slots=True)
class Provenance:
    """What exactly answered; a field is None where nobody said it."""

    semver: str | None = None
    model_sha256: str | None = None
    """Its first 12 hex digits."""
    device: str | None = None
    """ "cpu" or "gpu"."""
    cache: str | None = None
    """ "hit" or "miss", where a cache is on."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of the whole request went, in milliseconds."""

    total_ms: float
    """In the gateway, headers to answer; of a direct client, from sending to the answer."""
    triton_ms: float
    """The call to Triton."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who answered; the items of one batch share it."""

    request_id: str
    alias: str
    release: str
    arm: str
    """What the route calls the release; its own name where the route, or the gateway, says none."""
    revision: int | None
    """Of the route that led there, 0 where nobody ever set it; None where a release was named, or
    an older gateway asked."""
    timing: Timing
    provenance: Provenance = Provenance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(Answer):
    """The classes of one image or text, highest score first."""

    labels: tuple[str, ...]
    scores: tuple[float, ...]
    """Softmax probabilities, 0 to 1."""
    is_truncated: bool = False
    """Whether only the first part was read, because the whole was too long."""

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.labels[0]

    @property
    def score(self) -> float:
        """How likely that is, 0 to 1."""
        return self.scores[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedItem(Answer):
    """One image or text that got no prediction, while its neighbours did."""

    code: str
    """Stable, of docs/errors.md: "undecodable_image"."""
    message: str


ItemResult = Prediction | RefusedItem

_IMAGE: Final = Task.IMAGE_CLASSIFICATION
_TEXT: Final = Task.TEXT_CLASSIFICATION
_HARMFUL: Final = ("harmful_input", "it ends or holds up what looks at it")
# Codes are the gateway's (docs/errors.md); a test compares the two.
REFUSALS: Final = {
    (_IMAGE, Status.UNDECODABLE): ("undecodable_image", "the bytes are not a whole image"),
    (_IMAGE, Status.TOO_LARGE): ("image_too_large", "the image has too many pixels"),
    (_IMAGE, Status.UNSUPPORTED_FORMAT): ("unsupported_image_format", "this format is not taken"),
    (_IMAGE, Status.HARMFUL): _HARMFUL,
    (_TEXT, Status.UNDECODABLE): ("undecodable_text", "the text is not UTF-8"),
    (_TEXT, Status.TOO_LARGE): ("text_too_large", "the text is too long"),
    (_TEXT, Status.HARMFUL): _HARMFUL,
}
