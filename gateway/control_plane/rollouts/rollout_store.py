"""The record of rollouts: tables rollouts, rollout_steps, rollout_decisions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from gateway.control_plane.audit import Deed, entry_of, write_audit
from gateway.control_plane.control_errors import RolloutConflict, UnknownRollout
from gateway.control_plane.key_rows import utc
from gateway.control_plane.rollouts.lease import Fence, no_fence
from gateway.control_plane.rollouts.rollout import (
    LIVE,
    Rollout,
    RolloutState,
    RolloutStep,
    read_terms,
    terms_json,
)
from gateway.control_plane.routing.route_store import count_up
from gateway.control_plane.tables import AuditRow, RolloutDecisionRow, RolloutRow, RolloutStepRow
from gateway.control_plane.transactions import translated
from gateway.rollouts.checks import LatencyThresholds
from gateway.rollouts.policy import Decision
from gateway.rollouts.terms import RolloutTerms

_ROLLOUTS: Final[Select[RolloutRow, AuditRow]] = select(RolloutRow, AuditRow).join(
    AuditRow, RolloutRow.audit_id == AuditRow.id
)


class RolloutStore:
    """Writes and reads rollouts.

    Args:
        engine: The control plane's database.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def start(
        self, deed: Deed, *, stable: str, candidate: str, terms: RolloutTerms
    ) -> Rollout:
        """Note a rollout that is to be driven from now on; the deed's subject is the alias.

        Raises:
            RolloutConflict: another one of that alias is under way.
            DatabaseUnavailable: the database does not answer.
        """
        rollout_id, now = secrets.token_hex(6), datetime.now(UTC)
        with translated():
            async with self._sessions.begin() as session:
                await count_up(session)  # the lock: of two at the same time one sees the other
                wanted = _ROLLOUTS.where(RolloutRow.alias == deed.subject, _IS_LIVE)
                other = (await session.execute(wanted)).first()
                if other:
                    raise RolloutConflict(
                        f"rollout {other[0].id} of {deed.subject!r} is {other[0].state}; abort it, "
                        "or wait for its end"
                    )
                told = replace(deed, detail={**deed.detail, "rollout": rollout_id, **asdict(terms)})
                row = RolloutRow(
                    id=rollout_id,
                    alias=deed.subject,
                    stable=stable,
                    candidate=candidate,
                    terms=terms_json(terms),
                    state=RolloutState.LOADING.value,
                    sentence="Waits for a worker.",
                    step=0,
                    elapsed_seconds=0.0,
                    created_at=now,
                    changed_at=now,
                    audit_id=await write_audit(session, told),
                )
                session.add(row)
        return await self.get(rollout_id)

    async def get(self, rollout_id: str) -> Rollout:
        """Find one.

        Raises:
            UnknownRollout: there is none of that id.
            DatabaseUnavailable: the database does not answer.
        """
        found = await self._found(_ROLLOUTS.where(RolloutRow.id == rollout_id))
        if not found:
            raise UnknownRollout(f"there is no rollout {rollout_id[:32]!r}")
        return found[0]

    async def latest(
        self, limit: int, *, alias: str | None = None, is_live: bool | None = None
    ) -> Sequence[Rollout]:
        """The newest first.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = _ROLLOUTS.order_by(RolloutRow.created_at.desc()).limit(limit)
        if alias is not None:
            wanted = wanted.where(RolloutRow.alias == alias)
        if is_live is not None:
            wanted = wanted.where(_IS_LIVE if is_live else ~_IS_LIVE)
        return await self._found(wanted)

    async def _found(self, wanted: Select[RolloutRow, AuditRow]) -> Sequence[Rollout]:
        with translated():
            async with self._sessions() as session:
                return [_rollout(row, audit) for row, audit in await session.execute(wanted)]

    async def steps(self, rollout_id: str) -> Sequence[RolloutStep]:
        """The steps that have begun, in their order.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(RolloutStepRow).where(RolloutStepRow.rollout_id == rollout_id)
        with translated():
            async with self._sessions() as session:
                rows = await session.scalars(wanted.order_by(RolloutStepRow.step))
                return [_step(row) for row in rows]

    async def decisions(self, rollout_id: str, limit: int) -> Sequence[dict[str, Any]]:
        """What was decided, newest first, as `Decision.to_json` has it, with the time.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        wanted = select(RolloutDecisionRow).where(RolloutDecisionRow.rollout_id == rollout_id)
        wanted = wanted.order_by(RolloutDecisionRow.id.desc()).limit(limit)
        with translated():
            async with self._sessions() as session:
                rows = await session.scalars(wanted)
                return [{"at": utc(row.at), **json.loads(row.decision)} for row in rows]

    async def note(
        self,
        rollout: Rollout,
        sentence: str,
        *,
        elapsed_seconds: float = 0.0,
        decision: Decision | None = None,
        state: RolloutState | None = None,
        deed: Deed | None = None,
        fence: Fence = no_fence,
    ) -> None:
        """Note where a rollout stands, where that moves no traffic.

        Args:
            rollout: As it was read.
            sentence: Why it stands there.
            elapsed_seconds: How long its step has run.
            decision: To be recorded.
            state: The new one; as it was by default.
            deed: Of a person.
            fence: Runs first in the transaction.

        Raises:
            RolloutConflict: it is not as it was read any more.
            DatabaseUnavailable: the database does not answer.
        """
        with translated():
            async with self._sessions.begin() as session:
                await fence(session)
                await move(
                    session,
                    rollout,
                    sentence=sentence,
                    state=(state or rollout.state).value,
                    elapsed_seconds=elapsed_seconds,
                )
                if deed:
                    await write_audit(session, deed)
                if decision:
                    write_decision(session, rollout, decision)


_IS_LIVE: Final = RolloutRow.state.in_([state.value for state in LIVE])


async def move(session: AsyncSession, rollout: Rollout, **values: object) -> None:
    """Change a rollout that is as it was read.

    Raises:
        RolloutConflict: somebody else has moved it meanwhile.
    """
    as_it_was = (
        RolloutRow.id == rollout.id,
        RolloutRow.state == rollout.state.value,
        RolloutRow.step == rollout.step,
    )
    moved = update(RolloutRow).where(*as_it_was).values(changed_at=datetime.now(UTC), **values)
    if (await session.execute(moved.returning(RolloutRow.id))).first() is None:
        raise RolloutConflict(f"rollout {rollout.id} has just been moved by somebody else")


def write_step(session: AsyncSession, rollout: Rollout, step: RolloutStep) -> None:
    """Note a step that begins in this transaction."""
    thresholds = json.dumps(asdict(step.thresholds)) if step.thresholds else None
    session.add(
        RolloutStepRow(
            rollout_id=rollout.id, step=step.step, revision=step.revision, thresholds=thresholds
        )
    )


def write_decision(session: AsyncSession, rollout: Rollout, decision: Decision) -> None:
    """Note what was decided."""
    session.add(
        RolloutDecisionRow(
            rollout_id=rollout.id, at=datetime.now(UTC), decision=json.dumps(decision.to_json())
        )
    )


def _rollout(row: RolloutRow, audit: AuditRow) -> Rollout:
    created_at, changed_at = utc(row.created_at), utc(row.changed_at)
    assert created_at is not None  # noqa: S101 - the column is NOT NULL
    assert changed_at is not None  # noqa: S101 - likewise
    return Rollout(
        id=row.id,
        alias=row.alias,
        stable=row.stable,
        candidate=row.candidate,
        terms=read_terms(row.terms),
        state=RolloutState(row.state),
        sentence=row.sentence,
        step=row.step,
        elapsed_seconds=row.elapsed_seconds,
        created_at=created_at,
        changed_at=changed_at,
        begun=entry_of(audit),
    )


def _step(row: RolloutStepRow) -> RolloutStep:
    thresholds = LatencyThresholds(**json.loads(row.thresholds)) if row.thresholds else None
    return RolloutStep(row.step, row.revision, thresholds)
