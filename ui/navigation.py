"""Which pages there are, in which order, and which key may see which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ui.calls.identity import Identity
from ui.scene import Scene
from ui.views.predict import show_predict_page


def _anybody(_identity: Identity | None) -> bool:
    return True


def _admin(identity: Identity | None) -> bool:
    return identity is not None and identity.is_admin


@dataclass(frozen=True)
class Entry:
    """One page.

    Attributes:
        name: Of its address, and of its title in the catalogues: `page.<name>`.
        icon: A Material symbol.
        show: Draws it.
        is_for: Whether a key may see it; None is a key of which nobody has said what it may.
    """

    name: str
    icon: str
    show: Callable[[Scene], None]
    is_for: Callable[[Identity | None], bool] = _anybody


# The first is where a person begins.
ENTRIES = (Entry("predict", ":material/image_search:", show_predict_page),)
