"""The last hour's samples as one session has fetched them, only what is new each time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from ui.calls.gateway_http import Caller
from ui.calls.monitoring import ServerSample, Traffic, WorkerSample, ask_servers, ask_traffic
from ui.errors import GatewayProblem
from ui.figures.bins import Sampled, SampleT

HOUR_SECONDS = 3600.0
# So that samples which came late are found all the same, and those of a Triton that was silent.
OVERLAP_SECONDS = 30.0

KeyT = TypeVar("KeyT")


@dataclass
class MonitoredHour:
    """What is known so far; `refresh` adds to it, and lets go of what is older than an hour."""

    _workers: dict[tuple[str, int], WorkerSample] = field(default_factory=dict)
    _servers: dict[tuple[str, str], ServerSample] = field(default_factory=dict)
    _interval_seconds: float = 5.0
    _bucket_ratio: float = 1.05

    @property
    def traffic(self) -> Traffic:
        """The gateway's samples."""
        return Traffic(self._interval_seconds, self._bucket_ratio, tuple(self._workers.values()))

    @property
    def servers(self) -> tuple[ServerSample, ...]:
        """The samples of every Triton."""
        return tuple(self._servers.values())

    @property
    def newest(self) -> float | None:
        """When the newest sample of the gateway ended; None where there is none."""
        return _newest(self._workers.values()) or None

    def refresh(self, caller: Caller) -> list[GatewayProblem]:
        """Fetch what is new, and give what went wrong; what was known before stays known."""
        problems: list[GatewayProblem] = []
        for fetch in (self._fetch_traffic, self._fetch_servers):
            try:
                fetch(caller)
            except GatewayProblem as problem:
                problems.append(problem)
        return problems

    def _fetch_traffic(self, caller: Caller) -> None:
        told = ask_traffic(caller, _since(_newest(self._workers.values())))
        if self._workers and not told.samples:
            told = ask_traffic(caller, None)
            self._workers = _not_later(self._workers, told.samples)
        self._interval_seconds, self._bucket_ratio = told.interval_seconds, told.bucket_ratio
        self._workers.update({(it.time, it.worker): it for it in told.samples})
        newest = _newest(self._workers.values())
        self._workers = {
            at: it for at, it in self._workers.items() if newest - it.ended < HOUR_SECONDS
        }

    def _fetch_servers(self, caller: Caller) -> None:
        told = ask_servers(caller, _since(_newest(self._servers.values())))
        if self._servers and not told:
            told = ask_servers(caller, None)
            self._servers = _not_later(self._servers, told)
        self._servers.update({(it.server, it.time): it for it in told})
        newest = _newest(self._servers.values())
        self._servers = {
            at: it for at, it in self._servers.items() if newest - it.ended < HOUR_SECONDS
        }


def _not_later(known: dict[KeyT, SampleT], told: Sequence[SampleT]) -> dict[KeyT, SampleT]:
    """Let go of what is later than everything there is.

    Where there is nothing since the newest sample, not even that, the process that kept them was
    started anew, or a clock was set back: then nothing would be new until it is as late again.
    """
    newest = _newest(told)
    return {at: it for at, it in known.items() if it.ended <= newest} if told else known


def _newest(samples: Iterable[Sampled]) -> float:
    return max((it.ended for it in samples), default=0.0)


def _since(newest: float) -> str | None:
    """From when on to ask, as the gateway writes times; None is the whole hour."""
    if not newest:
        return None
    text = datetime.fromtimestamp(newest - OVERLAP_SECONDS, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
