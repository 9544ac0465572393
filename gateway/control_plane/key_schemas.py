"""The bodies of /v1/admin/keys, with examples that OpenAPI shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from gateway.control_plane.api_key import ApiKey, Priority, Scope
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
    """A key as it is listed."""

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


class CreatedKey(KeyDescription):
    """A key as it is shown once."""

    key: str = Field(examples=["tri_..."])


class KeyList(BaseModel):
    """Every key."""

    keys: list[KeyDescription]


def described_key(key: ApiKey) -> KeyDescription:
    """A key as it is listed, and as its own holder sees it."""
    shown = {name: getattr(key, name) for name in KeyDescription.model_fields}
    allowed = None if key.allowed is None else sorted(key.allowed)
    return KeyDescription(**{**shown, "scopes": sorted(key.scopes), "allowed": allowed})
