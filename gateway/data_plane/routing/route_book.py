"""What every name means at this moment: routes that somebody set, and first releases otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gateway.data_plane.routing.target import Target
from gateway.data_plane.servers.fleet import Fleet
from gateway.data_plane.servers.supervisor_word import Directory
from gateway.errors import InferenceUnavailable, UnknownAlias
from triptych.routing import Arm, ReleaseName, Route, Shadow, Sticky, choose_arm

_SHOWN_CHARACTERS: Final = 64


class StoredRoutes(Protocol):
    """The routes that somebody set, as memory has them."""

    @property
    def known(self) -> Mapping[str, Route]:
        """By alias; replaced as a whole when one changes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which release one request meets, and why."""

    target: Target
    arm: str
    """As answers call it."""
    revision: int | None = None
    """Of the route; None where the caller named the release itself."""
    shadow: Shadow | None = None
    """Who gets a copy of some of such requests."""
    is_compared: bool = False
    """Whether the route has others to compare its release with: arms, or a shadow."""
    missed: str | None = None
    """The release that was drawn, where no Triton has it and another arm answers."""


class RouteBook:
    """Answers from memory.

    Args:
        fleet: Knows which releases are live.
        stored: What people decided.
    """

    def __init__(self, fleet: Fleet, stored: StoredRoutes) -> None:
        self._fleet = fleet
        self._stored = stored
        self._merged: Mapping[str, Route] = {}
        self._sources: tuple[Directory, Mapping[str, Route]] | None = None

    def routes(self) -> Mapping[str, Route]:
        """Every route, by alias.

        Raises:
            InferenceUnavailable: no supervisor has said once what is live.
        """
        directory, known = self._fleet.directory(), self._stored.known
        sources = self._sources
        if sources is None or sources[0] is not directory or sources[1] is not known:
            unset = {alias: route_of(first) for alias, first in directory.first.items()}
            self._merged, self._sources = {**unset, **known}, (directory, known)
        return self._merged

    def route(self, alias: str) -> Route:
        """What one alias means.

        Raises:
            UnknownAlias: nothing.
            InferenceUnavailable: nothing is known yet.
        """
        route = self.routes().get(alias)
        if route is None:
            raise unknown_alias(alias)
        return route

    def unset(self, alias: str) -> Route | None:
        """What an alias means as long as nobody sets it; None where it means nothing.

        Raises:
            InferenceUnavailable: nothing is known yet.
        """
        first = self._fleet.directory().first.get(alias)
        return route_of(first) if first else None

    def choose(self, name: str, header_key: str | None, key_id: str) -> Choice:
        """Say which release a request meets.

        Args:
            name: An alias, or a live release.
            header_key: What X-Sticky-Key says.
            key_id: Of the API key.

        Raises:
            UnknownAlias: nothing has that name.
            InferenceUnavailable: nobody has the release that it means.
        """
        route = self.routes().get(name)
        directory = self._fleet.directory()
        if route is None:
            target = directory.releases.get(name)
            if target is None:
                raise unknown_alias(name)
            return Choice(target, name)
        sticky_key = {Sticky.HEADER: header_key, Sticky.CALLER: key_id}.get(route.sticky)
        drawn = choose_arm(route, sticky_key)
        arm = drawn
        if drawn.release not in directory.releases:
            arm = choose_arm(_live_part(route, directory), sticky_key)
        shadow = route.shadow if route.shadow and route.shadow.release != arm.release else None
        return Choice(
            target=directory.releases[arm.release],
            arm=arm.label,
            revision=route.revision,
            shadow=shadow,
            is_compared=len(route.arms) > 1 or route.shadow is not None,
            missed=None if arm is drawn else drawn.release,
        )

    def follow(self, choice: Choice, name: str, header_key: str | None, key_id: str) -> Choice:
        """Choose again, if the route has moved away from that release meanwhile.

        Args:
            choice: What was chosen some time ago; the same is given back where it stands.
            name: As in `choose`.
            header_key: As in `choose`.
            key_id: As in `choose`.

        Raises:
            UnknownAlias: nothing has that name any more.
            InferenceUnavailable: nobody has the release that it means now.
        """
        if choice.revision is None:
            return choice
        route = self.route(name)
        is_live = choice.target.release in self._fleet.directory().releases
        if is_live and route.weight_of(choice.target.release):
            return choice
        return self.choose(name, header_key, key_id)

    def target(self, name: str) -> Target:
        """The release that a name stands for where nobody asks for an answer: the heaviest arm.

        Raises:
            UnknownAlias: nothing has that name.
            InferenceUnavailable: nobody has the release that it means.
        """
        route = self.routes().get(name)
        if route is None:
            return self.choose(name, None, "").target
        return _target(self._fleet.directory(), max(route.arms, key=lambda arm: arm.weight))

    def is_live(self, route: Route) -> bool:
        """Whether some Triton has one of its arms."""
        releases = self._fleet.directory().releases
        return any(arm.release in releases for arm in route.arms)

    def targets(self, route: Route) -> list[Target]:
        """Those of a route's arms that are live.

        Raises:
            InferenceUnavailable: none is.
        """
        releases = self._fleet.directory().releases
        found = [releases[arm.release] for arm in route.arms if arm.release in releases]
        if not found:
            raise _nobody_has(route.arms[0].release)
        return found


def route_of(release: ReleaseName) -> Route:
    """The route of an alias that nobody has set: all to one release."""
    return Route(release.alias, (Arm(str(release), 100),))


def unknown_alias(name: str) -> UnknownAlias:
    """Say that nothing has that name, and not more of it than a name may have."""
    shown = name[:_SHOWN_CHARACTERS]
    return UnknownAlias(f"there is no alias {shown!r}; GET /v1/routes lists those there are")


def _live_part(route: Route, directory: Directory) -> Route:
    """The route without the arms that no Triton has: better another release than no answer."""
    live = tuple(arm for arm in route.arms if arm.weight and arm.release in directory.releases)
    if not live:
        raise _nobody_has(max(route.arms, key=lambda arm: arm.weight).release)
    return replace(route, arms=live)


def _target(directory: Directory, arm: Arm) -> Target:
    target = directory.releases.get(arm.release)
    if target is None:
        raise _nobody_has(arm.release)
    return target


def _nobody_has(release: str) -> InferenceUnavailable:
    return InferenceUnavailable(f"no Triton has {release} now, which the route names")
