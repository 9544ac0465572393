"""What every request for an inference passes, whatever protocol it speaks: headers first."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from starlette.requests import Request

from gateway.control_plane.api_key import ApiKey, Scope
from gateway.data_plane.admission.priority import PRIORITY_HEADER, priority_of
from gateway.data_plane.admission.ticket import Ticket, Visitor
from gateway.data_plane.deadline import TIMEOUT_HEADER, timeout_seconds
from gateway.data_plane.disconnect import CancelOnDisconnect
from gateway.data_plane.request_body import declared_bytes
from gateway.data_plane.routing.route_book import Choice
from gateway.data_plane.routing.sticky_key import STICKY_HEADER, read_sticky_key
from gateway.data_plane.routing.target import Target
from gateway.dependencies import authenticate, check_may_use, services_of
from gateway.request_context import record
from gateway.services import Services
from gateway.settings import BodyPatience, GatewaySettings
from python_backends.shared.contract import ItemAnswer, Task


@dataclass
class Guest:
    """A request whose key may ask what it asks."""

    request: Request
    services: Services
    key: ApiKey
    name: str
    """Of the alias or release, as the path has it."""
    sticky_key: str | None
    choice: Choice
    """Of a release; until the body is here it may be another one that answers."""
    visitor: Visitor
    declared_bytes: int | None

    @property
    def target(self) -> Target:
        """The release that answers."""
        return self.choice.target

    def admitted(self) -> AbstractContextManager[Ticket]:
        """Hold a place while the body is read and answered.

        Raises:
            Overloaded: too much is here.
            KeyOverloaded: too much of this key is here.
        """
        return self.services.admission.admit(self.visitor, self.target, self.declared_bytes or 0)

    def patience(self) -> BodyPatience:
        """How long its body may take; no longer than the caller gives the whole request."""
        patience, visitor = self.services.settings.body_patience, self.visitor
        if not visitor.has_asked_for_it:
            return patience
        total_seconds = min(patience.total_seconds, visitor.timeout_seconds)
        return patience._replace(total_seconds=total_seconds)

    async def answers(self, ticket: Ticket, items: Sequence[bytes]) -> Sequence[ItemAnswer]:
        """Answer items, none of them empty, in their order, for as long as the client is there.

        Raises:
            InferenceError: Triton did not answer all of them.
            ClientDisconnect: nobody waits any more.
        """
        if not items:
            return ()
        async with CancelOnDisconnect(self.request):
            asked = self.services.predictor.answers(ticket, self.target, items)
            if not self.choice.is_compared:
                return await asked
            return await self.services.arm_counts.watched(self.choice, items, asked)

    async def prepared(self, ticket: Ticket, image: bytes) -> ItemAnswer:
        """Have an image prepared as for the release's model; counted in no report on arms.

        Raises:
            InferenceError: Triton did not answer.
            ClientDisconnect: nobody waits any more.
        """
        async with CancelOnDisconnect(self.request):
            return await self.services.predictor.prepared(ticket, self.target, image)

    async def body_is_here(self, ticket: Ticket, items: Sequence[bytes]) -> None:
        """Count what was read, and charge for it if no header said how much would come.

        Raises:
            RateLimited: the key has no more bytes this minute.
        """
        ticket.body_is_here()
        self._follow_route(ticket)
        known = record.get()
        if self.target.task is Task.TEXT_CLASSIFICATION:
            known.texts = len(items)
        else:
            known.images = len(items)
        if self.declared_bytes is None:
            await self.services.limits.charge(self.key, requests=0, size_bytes=known.body_bytes)

    def _follow_route(self, ticket: Ticket) -> None:
        """A body may take minutes, and the route move meanwhile: what it says now counts."""
        routes = self.services.routes
        choice = routes.follow(self.choice, self.name, self.sticky_key, self.key.id)
        if choice is self.choice or choice.target.task is not self.target.task:
            return
        self.choice = choice
        self.services.admission.move(ticket, choice.target)
        _note(choice)


async def receive_guest(request: Request, name: str) -> Guest:
    """Say from the headers who asks, whether they may, how often, and of which release.

    Args:
        request: Nothing of its body is read.
        name: Of the alias or release.

    Raises:
        AuthError: no key, or none for this.
        RateLimited: the key has used up its minute.
        UnknownAlias: nothing has that name.
        InvalidParameter: a header makes no sense.
    """
    services, known = services_of(request), record.get()
    key = await authenticate(request, Scope.PREDICT)
    check_may_use(key, name)
    declared = declared_bytes(request)
    await services.limits.charge(key, requests=1, size_bytes=declared or 0)
    sticky_key = read_sticky_key(request.headers.getlist(STICKY_HEADER))
    choice = services.routes.choose(name, sticky_key, key.id)
    known.alias, known.tenant = name, key.tenant
    _note(choice)
    services.arm_counts.missed(choice, name)
    visitor = _visitor(request, key, services.settings)
    return Guest(request, services, key, name, sticky_key, choice, visitor, declared)


def _note(choice: Choice) -> None:
    known = record.get()
    known.release, known.arm, known.revision = choice.target.release, choice.arm, choice.revision


def _visitor(request: Request, key: ApiKey, settings: GatewaySettings) -> Visitor:
    asked = request.headers.get(TIMEOUT_HEADER)
    seconds = timeout_seconds(
        asked,
        default=settings.inference_timeout_seconds,
        most=settings.max_inference_timeout_seconds,
    )
    return Visitor(
        key_id=key.id,
        tenant=key.tenant,
        priority=priority_of(request.headers.get(PRIORITY_HEADER), key.priority),
        max_concurrency=key.max_concurrency,
        timeout_seconds=seconds,
        has_asked_for_it=asked is not None,
    )
