"""Several Tritons as one: so many requests in flight, each to whoever has less to do."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from itertools import cycle
from typing import Any, Final

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from triptych.client.errors import TimedOut
from triptych.client.triton_tls import TritonTls
from triptych.client.triton_wire import CHANNEL_OPTIONS, HUNG_SECONDS, open_channel

# Over one connection, 4 to 8 requests in flight may be answered at two thirds of the pace
# (docs/adr/0012); a second one costs nothing.
_CONNECTIONS: Final = 2
# Or channels of the same address share a connection.
_OPTIONS: Final = (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
# One that fails at once has the fewest requests in flight, and would draw all to itself.
_LEFT_ALONE_SECONDS: Final = 1.0
_READY_PAUSE_SECONDS: Final = 0.1
_READY_ANSWER_SECONDS: Final = 1.0


class Triton:
    """One server: its connections, and what is in flight there."""

    def __init__(self, address: str, tls: TritonTls | None) -> None:
        self.address = address
        self.in_flight = 0
        self._well_at = 0.0
        self._channels = [open_channel(address, _OPTIONS, tls) for _ in range(_CONNECTIONS)]
        stubs = [service_pb2_grpc.GRPCInferenceServiceStub(it) for it in self._channels]
        self.next_stub = cycle(stubs).__next__

    def leave_alone(self) -> None:
        """Send nothing there for a moment, if others can take it."""
        self._well_at = time.monotonic() + _LEFT_ALONE_SECONDS

    def is_left_alone(self) -> bool:
        """Whether that moment is not over."""
        return time.monotonic() < self._well_at

    def close(self) -> None:
        """End the connections; calls in flight are cancelled."""
        for channel in self._channels:
            channel.close()


class Sent:
    """A request on its way."""

    def __init__(self, triton: Triton, call: Any) -> None:  # noqa: ANN401 - protobuf has no types
        self.triton = triton
        self.sent_at = time.monotonic()
        self.finished_at: float | None = None
        self.call = call

    def seconds(self) -> float:
        """From sending to the answer."""
        return (self.finished_at or time.monotonic()) - self.sent_at


class TritonFleet:
    """Sends requests, and never cancels one (docs/adr/0015).

    Args:
        addresses: Of Tritons that serve the same releases, "127.0.0.1:8001".
        max_in_flight: Requests at once, over all of them.
        tls: For Tritons that take mutual TLS alone; None is plain text.

    Raises:
        OSError: a file of `tls` cannot be read.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        max_in_flight: int,
        tls: TritonTls | None = None,
    ) -> None:
        self._tritons = [Triton(address, tls) for address in addresses]
        self._max_in_flight = max_in_flight
        self._changed = threading.Condition()
        # gRPC cancels a call that nobody holds.
        self._calls: set[Any] = set()
        self._looks: set[Any] = set()

    def send(self, request: Any, deadline: float, triton: Triton | None = None) -> Sent:  # noqa: ANN401 - protobuf has no types
        """Begin a call, once there is room for it.

        Args:
            request: A ModelInferRequest.
            deadline: When to give up waiting for room, of the monotonic clock.
            triton: Who gets it; None is whoever has less to do, of two.

        Raises:
            TimedOut: there was no room in time.
        """
        with self._changed:
            self.wait_for_room(deadline)
            chosen = triton or self._choose()
            call = chosen.next_stub().ModelInfer.future(request, timeout=HUNG_SECONDS)
            sent = Sent(chosen, call)
            self._calls.add(call)
            chosen.in_flight += 1
        # Outside of the lock: of a call that is over already, it is called here and now.
        call.add_done_callback(lambda _: self._note_end(sent))
        return sent

    def wait_for_room(self, deadline: float) -> None:
        """Wait until one more request may be in flight; another thread may take the place.

        Args:
            deadline: When to give up, of the monotonic clock.

        Raises:
            TimedOut: there was no room in time.
        """
        with self._changed:
            has_room = self._changed.wait_for(
                lambda: len(self._calls) < self._max_in_flight,
                timeout=max(0.0, deadline - time.monotonic()),
            )
        if not has_room:
            raise TimedOut("nothing that is in flight was answered in time")

    def find_ready(
        self, release: str, failed: Triton | None, patience_seconds: float
    ) -> Triton | None:
        """Wait until some server says that it has a release.

        Args:
            release: The ensemble's name.
            failed: Did not take a request for it just now: it is left alone for a moment, and asked
                after the others and a pause, for a full queue is a failure too.
            patience_seconds: How long to wait.

        Returns:
            The server, or None where none had it in time.
        """
        if failed is not None:
            failed.leave_alone()
        until = time.monotonic() + patience_seconds
        candidates = [it for it in self._tritons if it is not failed]
        while True:
            candidates.sort(key=lambda it: (it is failed, it.is_left_alone(), it.in_flight))
            for triton in candidates:
                if self._has(triton, release):
                    return triton
            if time.monotonic() >= until:
                return None
            time.sleep(_READY_PAUSE_SECONDS)
            candidates = list(self._tritons)

    def close(self, grace_seconds: float) -> None:
        """End the connections, once what is in flight is answered or that time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._calls, timeout=grace_seconds)
        for triton in self._tritons:
            triton.close()

    def _choose(self) -> Triton:
        well = [it for it in self._tritons if not it.is_left_alone()] or self._tritons
        return min(random.sample(well, min(2, len(well))), key=lambda it: it.in_flight)

    def _note_end(self, sent: Sent) -> None:
        sent.finished_at = time.monotonic()
        with self._changed:
            self._calls.discard(sent.call)
            sent.triton.in_flight -= 1
            self._changed.notify_all()

    def _has(self, triton: Triton, release: str) -> bool:
        request = service_pb2.ModelReadyRequest(name=release)
        call = triton.next_stub().ModelReady.future(request, timeout=HUNG_SECONDS)
        self._looks.add(call)
        call.add_done_callback(self._looks.discard)
        try:
            return bool(call.result(timeout=_READY_ANSWER_SECONDS).ready)
        except (grpc.RpcError, grpc.FutureTimeoutError):
            return False
