"""Tables of the control plane. No request on the data plane waits for one of them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, DateTime, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """What all tables share."""


class ApiKeyRow(Table):
    """One API key; the key itself is stored nowhere."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """HMAC-SHA-256 of the key under the hash secret, in hex."""
    scopes: Mapped[str] = mapped_column(String(200))
    """Space-separated."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tenant: Mapped[str] = mapped_column(String(64))
    allowed: Mapped[str | None] = mapped_column(Text)
    """Space-separated aliases and releases; NULL is every alias."""
    priority: Mapped[str] = mapped_column(String(20))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    requests_per_minute: Mapped[int | None] = mapped_column(BigInteger)
    bytes_per_minute: Mapped[int | None] = mapped_column(BigInteger)
    max_concurrency: Mapped[int | None] = mapped_column(BigInteger)
    old_digest: Mapped[str | None] = mapped_column(String(64))
    """What the last rotation replaced."""
    old_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Until when the replaced secret is still good."""
    file_mark: Mapped[str | None] = mapped_column(String(64))
    """Tells the file that holds this key, where a first start made it."""


class KeyRevisionRow(Table):
    """One row, that every change of a key counts up in its own transaction."""

    __tablename__ = "key_revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    hash_check: Mapped[str | None] = mapped_column(String(64))
    """Tells whether a gateway has the hash secret under which the digests were made."""


class KeyUsageRow(Table):
    """What one key asked for on one day; every gateway process adds to it."""

    __tablename__ = "key_usage"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    """In UTC."""
    requests: Mapped[int] = mapped_column(BigInteger)
    items: Mapped[int] = mapped_column(BigInteger)
    body_bytes: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CounterRow(Table):
    """Counts changes of one kind, each in the change's own transaction; pollers look at it."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class RouteRow(Table):
    """What one alias means now."""

    __tablename__ = "routes"

    alias: Mapped[str] = mapped_column(String(63), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str] = mapped_column(Text)
    """JSON: arms, shadow, sticky."""


class RouteChangeRow(Table):
    """What one alias has meant."""

    __tablename__ = "route_changes"

    alias: Mapped[str] = mapped_column(String(63), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    document: Mapped[str] = mapped_column(Text)
    undo_to: Mapped[int | None] = mapped_column(BigInteger)
    """The revision that a rollback from here brings back; NULL where there is none."""
    rollout_id: Mapped[str | None] = mapped_column(String(16))
    """The rollout whose step this is."""
    audit_id: Mapped[int] = mapped_column(ForeignKey("audit.id"))
    """Who said so, when and why."""


class ReleaseWishRow(Table):
    """What somebody wants of a release besides what routes need."""

    __tablename__ = "release_wishes"

    release: Mapped[str] = mapped_column(String(80), primary_key=True)
    is_wanted: Mapped[bool]
    """Loaded, or else unloaded and not to be routed."""
    audit_id: Mapped[int] = mapped_column(ForeignKey("audit.id"))
    """Who said so, when and why."""


class AuditRow(Table):
    """Who did what when and why."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    actor_id: Mapped[str] = mapped_column(String(16))
    actor_name: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80), index=True)
    """The alias, the release, the rollout."""
    reason: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    """JSON."""


class TotalsRow(Table):
    """What one gateway process counted since it began to report under its name."""

    __abstract__ = True

    alias: Mapped[str] = mapped_column(String(63), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    release: Mapped[str] = mapped_column(String(80), primary_key=True)
    reporter: Mapped[str] = mapped_column(String(16), primary_key=True)
    totals: Mapped[str] = mapped_column(Text)
    """JSON; replaced as a whole."""
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class ArmTotalsRow(TotalsRow):
    """Of one arm; ArmTotals."""

    __tablename__ = "arm_totals"


class PairTotalsRow(TotalsRow):
    """Of items that were mirrored to a release; PairTotals."""

    __tablename__ = "pair_totals"


class DisagreementRow(Table):
    """An item of which two releases thought differently."""

    __tablename__ = "disagreements"

    id: Mapped[int] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(String(63), index=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    request_id: Mapped[str] = mapped_column(String(32))
    serving: Mapped[str] = mapped_column(Text)
    """JSON: what the caller got."""
    shadow: Mapped[str] = mapped_column(Text)
    """JSON: what the shadow said."""
    item: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Its bytes, where the operator wants them kept."""


class RolloutRow(Table):
    """One rollout, and where it stands."""

    __tablename__ = "rollouts"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    alias: Mapped[str] = mapped_column(String(63), index=True)
    stable: Mapped[str] = mapped_column(String(80))
    candidate: Mapped[str] = mapped_column(String(80))
    terms: Mapped[str] = mapped_column(Text)
    """JSON of RolloutTerms."""
    state: Mapped[str] = mapped_column(String(20))
    sentence: Mapped[str] = mapped_column(Text)
    """Why it stands there, for people."""
    step: Mapped[int]
    """0 is the baseline."""
    elapsed_seconds: Mapped[float]
    """How long the step has run, pauses left out."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    audit_id: Mapped[int] = mapped_column(ForeignKey("audit.id"))
    """Who began it, when and why."""


class RolloutStepRow(Table):
    """A step of a rollout that has begun: by its revision its numbers are found."""

    __tablename__ = "rollout_steps"

    rollout_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    """Of the route while this step runs."""
    thresholds: Mapped[str | None] = mapped_column(Text)
    """JSON: latency thresholds, fixed when it began."""


class RolloutDecisionRow(Table):
    """What was decided in a rollout, with its numbers."""

    __tablename__ = "rollout_decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    rollout_id: Mapped[str] = mapped_column(String(16), index=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decision: Mapped[str] = mapped_column(Text)
    """JSON of a Decision."""


class LeaseRow(Table):
    """Who may do what only one may do at a time."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(32))
    """Empty where nobody holds it."""
    beat: Mapped[int] = mapped_column(BigInteger)
    """Grows while the holder lives; whoever sees it stand still may take the lease."""
