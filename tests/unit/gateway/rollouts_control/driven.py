"""A driver on a simulated clock, and gateways that count what they are told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.audit import Actor, AuditTrail, Deed
from gateway.control_plane.experiments.totals_store import Counted, TotalsStore
from gateway.control_plane.rollouts.candidate_loads import CandidateLoads
from gateway.control_plane.rollouts.lease import Fence, no_fence
from gateway.control_plane.rollouts.rollout import Rollout
from gateway.control_plane.rollouts.rollout_driver import RolloutDriver
from gateway.control_plane.rollouts.rollout_orders import RolloutOrders
from gateway.control_plane.rollouts.rollout_store import RolloutStore
from gateway.control_plane.routing.route_store import RouteStore
from gateway.errors import GatewayError
from gateway.rollouts.terms import RolloutTerms
from gateway.rollouts.totals import ArmTotals, ItemOutcome, PairTotals
from triptych.routing import Arm, Route, Sticky

BOB: Final = Actor("b0b", "bob")
BEFORE: Final = Route(
    "digits", (Arm("digits_r1", 7, "blue"), Arm("digits_r9", 0)), None, Sticky.CALLER
)
TERMS: Final = RolloutTerms(steps=(10, 50, 100), step_seconds=5.0, min_requests=10, min_pairs=10)


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Triton:
    """Loads what it is asked for, or says why not."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refusal: GatewayError | None = None

    async def load(self, deed: Deed) -> object:
        self.asked.append(deed.subject)
        if self.refusal:
            raise self.refusal
        return None


@dataclass
class Behaviour:
    """What a release does with requests."""

    latency_ms: float = 20.0
    failures: int = 0
    """Of the ten requests of each second."""
    label: str = "7"


@dataclass
class World:
    """One database, one clock, one rollout."""

    engine: AsyncEngine
    clock: Clock = field(default_factory=Clock)
    triton: Triton = field(default_factory=Triton)
    unready: GatewayError | None = None
    counts: dict[Counted, ArmTotals] = field(default_factory=dict)
    pairs: dict[Counted, PairTotals] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = RolloutStore(self.engine)
        self.routes = RouteStore(self.engine)
        self.totals = TotalsStore(self.engine)
        self.orders = RolloutOrders(self.store, self.routes)
        self.audit = AuditTrail(self.engine)

    def driver(self, fence: Fence = no_fence) -> RolloutDriver:
        """Another worker's."""
        return RolloutDriver(
            self.store,
            self.routes,
            self.totals,
            CandidateLoads(self.triton, clock=self.clock),
            unset=lambda _: None,
            check=self._check,
            fence=fence,
            clock=self.clock,
        )

    def _check(self, _route: Route) -> None:
        if self.unready:
            raise self.unready

    async def set_route(self, route: Route = BEFORE) -> Route:
        """By hand."""
        return await self.routes.change(lambda _: route, deed("route.set"), unset=None)

    async def start(self, terms: RolloutTerms = TERMS) -> Rollout:
        """A rollout of digits_r2, where digits_r1 has everything."""
        route = await self.set_route()
        return await self.orders.start(deed("rollout.start"), "digits_r2", terms, route)

    async def route(self) -> Route:
        """What digits means now."""
        route = await self.routes.current("digits")
        assert route is not None
        return route

    async def pass_second(self, candidate: Behaviour, stable: Behaviour) -> None:
        """Ten requests to each arm, and ten mirrored ones, as gateways report them."""
        self.clock.now += 1.0
        route = await self.route()
        for release, behaviour in (("digits_r1", stable), ("digits_r2", candidate)):
            if route.weight_of(release):
                self._count(Counted("digits", route.revision, release), behaviour)
        if route.shadow:
            one, other = _outcome(stable), _outcome(candidate)
            counted = Counted("digits", route.revision, route.shadow.release)
            of_pairs = self.pairs.setdefault(counted, PairTotals())
            for _ in range(10):
                of_pairs.add(one, other)
        await self.totals.write("gateway-1", self.counts, self.pairs)

    def _count(self, counted: Counted, behaviour: Behaviour) -> None:
        totals = self.counts.setdefault(counted, ArmTotals())
        for number in range(10):
            if number < behaviour.failures:
                totals.add_failure()
            else:
                totals.add(behaviour.latency_ms, [behaviour.label])

    async def run(
        self,
        driver: RolloutDriver,
        seconds: int,
        candidate: Behaviour | None = None,
        stable: Behaviour | None = None,
    ) -> None:
        """Let so many seconds pass, with a look in each."""
        for _ in range(seconds):
            await self.pass_second(candidate or Behaviour(), stable or Behaviour())
            await driver.tick()


def _outcome(behaviour: Behaviour) -> ItemOutcome:
    return ItemOutcome(behaviour.latency_ms, labels=(behaviour.label,), score=0.9)


def deed(action: str, reason: str = "", **detail: Any) -> Deed:
    """Bob's."""
    return Deed(BOB, action, "digits", reason, detail)
