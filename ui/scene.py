"""What every view is given: whom to ask, what is so now, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ui.calls.gateway_http import Caller
from ui.calls.service_watch import ServiceStatus, ServiceWatch
from ui.plain_words import local_time
from ui.reader import reader_zone
from ui.services import Services
from ui.settings import UiSettings
from ui.texts import Texts


@dataclass(frozen=True)
class Scene:
    """One run of one page for one person.

    Attributes:
        caller: The gateway, with the key of this session.
        watch: Tells whether it is ready; its `look_anew` follows what a person has changed.
        status: What it told when this run began.
    """

    services: Services
    caller: Caller
    watch: ServiceWatch
    status: ServiceStatus
    texts: Texts

    @property
    def settings(self) -> UiSettings:
        """Where the gateway is, how long to wait for it."""
        return self.services.settings

    def clock(self, moment: datetime) -> str:
        """A moment as the reader's clock shows it, with the date when it was another day."""
        return local_time(moment, self.texts, now=self.services.now(), zone=reader_zone())
