"""Which pages there are, in which order, and which key may see which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ui.calls.identity import Identity
from ui.calls.live_releases import may_name_releases
from ui.scene import Scene
from ui.views.api import show_api_page
from ui.views.compare import show_compare_page
from ui.views.jobs import show_jobs_page
from ui.views.keys import show_keys_page
from ui.views.monitoring import show_monitoring_page
from ui.views.predict import show_predict_page
from ui.views.releases import show_releases_page


def _anybody(_identity: Identity | None) -> bool:
    return True


def _may_predict(identity: Identity | None) -> bool:
    return identity is not None and identity.may_predict


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
ENTRIES = (
    Entry("predict", ":material/image_search:", show_predict_page),
    Entry("jobs", ":material/pending_actions:", show_jobs_page, _may_predict),
    Entry("compare", ":material/compare_arrows:", show_compare_page, may_name_releases),
    Entry("releases", ":material/rocket_launch:", show_releases_page, _admin),
    Entry("monitoring", ":material/monitoring:", show_monitoring_page, _admin),
    Entry("keys", ":material/key:", show_keys_page, _admin),
    Entry("api", ":material/code:", show_api_page),
)
