"""Who may come in: requests and their bytes are counted before anything of a body is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.data_plane.admission.adaptive_limit import AdaptiveLimit
from gateway.data_plane.admission.release_line import ReleaseLine
from gateway.data_plane.admission.shared_places import SharedPlaces
from gateway.data_plane.admission.ticket import Ticket, Visitor
from gateway.data_plane.routing.target import Target


@dataclass(frozen=True)
class AdmissionLimits:
    """How much may be here at once; see GatewaySettings."""

    max_admitted: int
    max_admitted_bytes: int
    max_in_flight: int
    latency_tolerance: float


class Admission:
    """Counts what is here, in total, per key and before each release."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self._limits = limits
        self._requests = SharedPlaces("places for requests", limits.max_admitted)
        self._bytes = SharedPlaces("bytes that bodies may take", limits.max_admitted_bytes)
        self._lines: dict[str, ReleaseLine] = {}

    @contextmanager
    def admit(self, visitor: Visitor, target: Target, declared_bytes: int) -> Iterator[Ticket]:
        """Hold a place while a request's body is read and answered.

        Args:
            visitor: Who asks.
            target: Before which release to stand.
            declared_bytes: The Content-Length, 0 where there is none.

        Raises:
            Overloaded: too much is here; nothing of the body was read.
            KeyOverloaded: too much of this key is here.
        """
        ticket = Ticket(visitor, self._requests, self._bytes, self._line(target))
        try:
            ticket.enter(declared_bytes)
            yield ticket
        finally:
            ticket.leave()

    def move(self, ticket: Ticket, target: Target) -> None:
        """Let somebody who is here stand before another release."""
        ticket.move_to(self._line(target))

    def admitted(self) -> int:
        """Requests that are here now."""
        return self._requests.taken

    def admitted_bytes(self) -> int:
        """Bytes of their bodies, as declared or as read."""
        return self._bytes.taken

    def lines(self) -> dict[str, ReleaseLine]:
        """By release, of those that were asked for."""
        return self._lines

    def _line(self, target: Target) -> ReleaseLine:
        line = self._lines.get(target.release)
        if line is None:
            limit = AdaptiveLimit(
                ceiling=self._limits.max_in_flight, tolerance=self._limits.latency_tolerance
            )
            line = self._lines[target.release] = ReleaseLine(
                limit,
                max_batch_size=target.max_batch_size,
                most_batch_requests=self._limits.max_admitted // 2,
            )
        return line
