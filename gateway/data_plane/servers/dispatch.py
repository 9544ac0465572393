"""One call to whichever server can take it, and what is done when that server fails.

- It does not take requests, or not for this release, or its answer makes no sense: it is left
  alone for a moment, and another is asked once, as far as the retry budget goes.
- A stub of it died: the call may be what killed it, so no other server sees it. It waits for the
  heal, is asked again alone, and what ends a stub a second time is harmful (docs/adr/0019).
- A request that several callers shared failed otherwise: each is asked about alone.
- No server has the release just now, but one is coming back: the call waits a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.gathering import FailedTogether
from gateway.data_plane.servers.harm_by_key import HarmByKey
from gateway.data_plane.servers.harmful_items import HARMFUL, HarmfulItems
from gateway.data_plane.servers.inference_call import InferenceCall
from gateway.data_plane.servers.retry_budget import RetryBudget
from gateway.data_plane.servers.server import Server
from gateway.errors import (
    ContractMismatch,
    InferenceError,
    InferenceFailed,
    InferenceTimeout,
    InferenceUnavailable,
)
from gateway.metrics import GatewayMetrics
from gateway.request_context import record
from python_backends.shared.contract import ItemAnswer

_NOBODY: Final = "no Triton takes requests for this release now"


class _StubDied(Exception):
    """It was there when a stub of its server died, and may be why."""


class Dispatch:
    """Asks servers, so that one that fails costs no good request.

    Args:
        fleet: The servers.
        budget: For asking another one.
        harmful: What is not asked about again.
        metrics: Counts what went wrong.
        patience_seconds: How long a call waits for a server that is coming back.
    """

    def __init__(
        self,
        fleet: Fleet,
        budget: RetryBudget,
        harmful: HarmfulItems,
        metrics: GatewayMetrics,
        *,
        patience_seconds: float,
    ) -> None:
        self._fleet = fleet
        self._budget = budget
        self._harmful = harmful
        self._metrics = metrics
        self._patience_seconds = patience_seconds
        self._harm_by_key = HarmByKey()

    async def classify(
        self, call: InferenceCall, on_trouble: Callable[[], None]
    ) -> list[ItemAnswer]:
        """Answer one batch.

        Args:
            call: What is asked.
            on_trouble: Is called when the time that this takes says nothing of the load.

        Returns:
            One answer per item, in order.

        Raises:
            InferenceError: no server answered; the narrowest class that fits.
            RateLimited: this key has done too much harm just now.
        """
        refused = self._harmful.known_places(call.release, call.items)
        if not refused:
            return await self._answer(call, on_trouble)
        rest = [item for place, item in enumerate(call.items) if place not in refused]
        asked = iter(await self._answer(replace(call, items=rest), on_trouble) if rest else ())
        return [HARMFUL if place in refused else next(asked) for place in range(len(call.items))]

    async def _answer(
        self, call: InferenceCall, on_trouble: Callable[[], None]
    ) -> list[ItemAnswer]:
        self._harm_by_key.check(record.get().key_id)
        self._budget.note_request()
        server = self._fleet.find(call.release)
        if server is None:
            on_trouble()
            server = await self._wait_for_server(call)
        try:
            return await self._ask(server, call)
        except _StubDied:
            on_trouble()
            return await self._ask_one_by_one(server, call)
        except InferenceTimeout:
            raise
        except InferenceError as exc:
            on_trouble()
            another = await self._another(server, call, exc)
        self._metrics.retries.inc()
        try:
            return await self._ask(another, call)
        except _StubDied:
            return await self._ask_one_by_one(another, call)

    async def _ask(self, server: Server, call: InferenceCall) -> list[ItemAnswer]:
        """Ask one server.

        Raises:
            _StubDied: a stub of the release died on it meanwhile.
            InferenceError: it failed otherwise.
        """
        before = server.deaths(call.release)
        try:
            return await _send(server, call)
        except (InferenceFailed, FailedTogether) as exc:
            # Until it is known what happened, nobody else is to run into it, if others can serve.
            if self._fleet.find(call.release, but_not=server):
                self._leave_alone(server, call.release, "failed")
            if await server.has_lost_a_stub(call.release, before):
                self._leave_alone(server, call.release, "stub_died")
                raise _StubDied from exc
            if isinstance(exc, InferenceFailed):
                raise
        self._metrics.retries.inc()
        return await self._ask(server, replace(call, goes_alone=True))

    async def _another(self, failed: Server, call: InferenceCall, exc: InferenceError) -> Server:
        """Whom to ask after a failure that was not the call's own.

        Raises:
            InferenceError: the failure itself, if nobody else may be asked.
        """
        is_away = isinstance(exc, InferenceUnavailable)
        another = self._fleet.find(call.release, but_not=failed)
        if not is_away and another is None:
            raise exc
        cause = "unavailable" if is_away else "contract" if _is_garbage(exc) else "failed"
        if is_away or _is_garbage(exc):
            self._leave_alone(failed, call.release, cause)
        if not self._budget.take():
            raise exc
        if another is not None:
            return another
        try:
            return await self._wait_for_server(call)
        except InferenceUnavailable:
            raise exc from None

    def _leave_alone(self, server: Server, release: str, cause: str) -> None:
        server.eject(release)
        self._metrics.ejections.labels(server.name, cause).inc()

    async def _wait_for_server(self, call: InferenceCall) -> Server:
        """Wait until somebody has the release again.

        Raises:
            InferenceUnavailable: nobody does, or not soon enough.
            InferenceTimeout: the call's own time was over first.
        """
        patience = min(self._patience_seconds, call.seconds_left())
        until = asyncio.get_running_loop().time() + patience
        try:
            async with asyncio.timeout_at(until):
                while (server := self._fleet.find(call.release)) is None:
                    if not self._fleet.may_come_back(call.release):
                        raise InferenceUnavailable(_NOBODY)
                    await self._fleet.news()
        except TimeoutError as exc:
            call.seconds_left()
            raise InferenceUnavailable(_NOBODY) from exc
        return server

    async def _ask_one_by_one(self, server: Server, call: InferenceCall) -> list[ItemAnswer]:
        """Ask about each item alone, on the server where a stub died, once that is healed.

        Raises:
            InferenceError: the server did not come back in time, or fails otherwise.
            RateLimited: this key has done too much harm meanwhile.
        """
        line = server.lone_line(call.release)
        answers: list[ItemAnswer] = []
        with line.joined():
            try:
                async with line.turn(call.deadline):
                    for item in call.items:
                        self._harm_by_key.check(record.get().key_id)
                        await self._until_well(server, call)
                        answers.append(await self._ask_alone(server, call, item))
            except TimeoutError as exc:
                raise InferenceTimeout("the deadline passed before Triton was healed") from exc
        return answers

    async def _until_well(self, server: Server, call: InferenceCall) -> None:
        async with asyncio.timeout_at(call.deadline):
            await server.refresh()  # blame is a matter of what is so now, not half a second ago
            while not server.is_well(call.release):
                if server not in self._fleet.servers:
                    raise InferenceUnavailable("the Triton that was asked is gone")
                await self._fleet.news()

    async def _ask_alone(self, server: Server, call: InferenceCall, item: bytes) -> ItemAnswer:
        self._metrics.retries.inc()
        alone, before = replace(call, items=[item], goes_alone=True), server.deaths(call.release)
        alone.seconds_left()  # nobody is to blame who was not asked about
        try:
            (answer,) = await self._ask(server, alone)
        except _StubDied:
            await self._blame(call.release, item)
            return HARMFUL
        except InferenceTimeout:
            # It may hold the stub up, and whose turn came next would be blamed for the end of that.
            if await server.has_lost_a_stub(call.release, before):
                await self._blame(call.release, item)
            raise
        return answer

    async def _blame(self, release: str, item: bytes) -> None:
        self._harm_by_key.note(record.get().key_id)
        await self._harmful.remember(release, item)


async def _send(server: Server, call: InferenceCall) -> list[ItemAnswer]:
    server.calls += 1
    record.get().server = server.name
    try:
        return await _sent(server, call)
    finally:
        server.calls -= 1


async def _sent(server: Server, call: InferenceCall) -> list[ItemAnswer]:
    # Triton traces a request, so what is traced is one caller's.
    if call.goes_alone or call.traceparent:
        return await server.triton.classify(call)
    return await server.gathering.classify(call, server.max_batch_size(call.release))


def _is_garbage(exc: InferenceError) -> bool:
    return isinstance(exc, ContractMismatch)
