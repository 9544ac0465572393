"""The bodies of /v1/admin/keys, with examples that OpenAPI shows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from gateway.control_plane.api_key import ApiKey, Priority, Scope
from gateway.control_plane.key_usage.usage import KeyUsage
from triptych.routing import ALIAS_OR_RELEASE

_MOST_GRACE_SECONDS: Final = 30 * 24 * 3600
# No control characters: names are shown in terminals, and PostgreSQL takes no NUL.
NAME_PATTERN: Final = r"^[^\x00-\x1f\x7f]+$"
# The largest number that every reader of JSON holds exactly.
_LARGEST: Final = 2**53 - 1
# Said twice is said once; a set's own description would forbid it.
_MAY_REPEAT: Final[JsonDict] = {"uniqueItems": False}


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from exc


def _whole(number: object) -> object:
    """JSON has one kind of number: 600.0 is an integer there."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


_Name = Annotated[
    str, Field(min_length=1, max_length=100, pattern=NAME_PATTERN, examples=["nightly batch"])
]
_Target = Annotated[str, Field(pattern=ALIAS_OR_RELEASE, examples=["digits"])]
_Allowed = Annotated[
    frozenset[_Target],
    Field(
        min_length=1,
        max_length=100,
        json_schema_extra=_MAY_REPEAT,
        examples=[["digits", "digits_r2"]],
        description="Aliases and releases that the key may use; null is every alias.",
    ),
]
_Moment = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    Field(examples=["2027-01-31T12:00:00Z"], description="From then on the key opens nothing."),
]
_Amount = Annotated[
    int,
    Field(ge=1, le=_LARGEST, examples=[600], description="Null is no limit."),
    BeforeValidator(_whole),
]


def _without_defaults(schema: dict[str, Any]) -> None:
    """A field that is left out stays as it is; a default would say otherwise."""
    for field in schema["properties"].values():
        field.pop("default", None)


class NewKey(BaseModel):
    """What a new key should be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: _Name
    scopes: Annotated[
        frozenset[Scope],
        Field(min_length=1, json_schema_extra=_MAY_REPEAT, examples=[["predict"]]),
    ] = frozenset({Scope.PREDICT})
    tenant: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._-]{1,64}$",
            description="Keys of one tenant may share cached answers; null is the key alone.",
        ),
    ] = None
    allowed: _Allowed | None = None
    priority: Priority = Priority.INTERACTIVE
    expires_at: _Moment | None = None
    requests_per_minute: _Amount | None = None
    bytes_per_minute: _Amount | None = None
    max_concurrency: _Amount | None = None


class ChangedKey(BaseModel):
    """What of a key should change; a field that is left out stays, null lifts a limit."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_without_defaults)

    name: _Name = ""
    allowed: _Allowed | None = None
    priority: Priority = Priority.INTERACTIVE
    expires_at: _Moment | None = None
    requests_per_minute: _Amount | None = None
    bytes_per_minute: _Amount | None = None
    max_concurrency: _Amount | None = None


class Rotation(BaseModel):
    """How a key gets its new secret."""

    model_config = ConfigDict(extra="forbid", strict=True)

    grace_seconds: Annotated[
        int,
        Field(
            ge=0,
            le=_MOST_GRACE_SECONDS,
            description="For how long the old secret stays good.",
        ),
        BeforeValidator(_whole),
    ] = 0


class KeyDescription(BaseModel):
    """A key, but for itself."""

    id: str = Field(examples=["4f6c2a9b1d0e"])
    name: str
    tenant: str
    scopes: list[Scope]
    allowed: list[str] | None
    priority: Priority
    expires_at: datetime | None
    requests_per_minute: int | None
    bytes_per_minute: int | None
    max_concurrency: int | None
    created_at: datetime
    revoked_at: datetime | None


class UsageDescription(BaseModel):
    """Requests for predictions; at most some seconds old."""

    requests: int
    items: int = Field(description="Images and texts.")
    body_bytes: int = Field(description="Of bodies, as they were sent.")
    refused: int = Field(description="Of the requests: answered 4xx, or refused as too many.")


class KeyUsageDescription(BaseModel):
    """What a key was used for."""

    today: UsageDescription = Field(description="Since midnight in UTC.")
    last_30_days: UsageDescription
    last_used_at: datetime | None = Field(
        description="For anything at all; null: not in the last 90 days."
    )


class UsedKey(KeyDescription):
    """A key, and what it was used for."""

    usage: KeyUsageDescription


class OwnKey(KeyDescription):
    """The same as its holder sees it."""

    usage: KeyUsageDescription | None = Field(
        description="Null while the gateway's database does not tell."
    )


class CreatedKey(KeyDescription):
    """A key as it is shown once."""

    key: str = Field(examples=["tri_..."])


class KeyList(BaseModel):
    """Every key."""

    keys: list[UsedKey]


def described_key(key: ApiKey) -> KeyDescription:
    """A key's terms, and what became of it."""
    shown = {name: getattr(key, name) for name in KeyDescription.model_fields}
    allowed = None if key.allowed is None else sorted(key.allowed)
    return KeyDescription(**{**shown, "scopes": sorted(key.scopes), "allowed": allowed})


def described_usage(usage: KeyUsage) -> KeyUsageDescription:
    """What a key was used for."""
    return KeyUsageDescription.model_validate(asdict(usage))


def used_key(key: ApiKey, usage: KeyUsage) -> UsedKey:
    """A key as it is listed."""
    return UsedKey(**described_key(key).model_dump(), usage=described_usage(usage))
