"""The bodies of /v1/routes, with examples that OpenAPI shows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from gateway.control_plane.key_schemas import NAME_PATTERN
from python_backends.shared.contract import Task
from triptych.routing import Arm, Route, Shadow, Sticky

_MOST_ARMS: Final = 16
_MOST_WEIGHT: Final = 1_000_000
_RELEASE: Final = r"^[a-z][a-z0-9-]{0,62}_r[1-9][0-9]{0,8}$"

ReleaseText = Annotated[str, Field(pattern=_RELEASE, examples=["digits_r2"])]
_Name = Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["candidate"])]
Reason = Annotated[
    str, Field(max_length=500, pattern=NAME_PATTERN.replace("+$", "*$"), examples=["less noise"])
]


class ArmBody(BaseModel):
    """One release behind an alias."""

    model_config = ConfigDict(extra="forbid", strict=True)

    release: ReleaseText
    weight: Annotated[
        int,
        Field(
            ge=0, le=_MOST_WEIGHT, examples=[95], description="Its share is this over their sum."
        ),
    ]
    name: Annotated[
        _Name, Field(description="What reports call it; the release's name if nothing is said.")
    ] = ""


class ShadowBody(BaseModel):
    """A release that gets copies of requests; nobody gets its answers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    release: ReleaseText
    percent: Annotated[float, Field(gt=0, le=100, examples=[10.0])]


class NewRoute(BaseModel):
    """What an alias is to mean."""

    model_config = ConfigDict(extra="forbid")

    arms: Annotated[list[ArmBody], Field(min_length=1, max_length=_MOST_ARMS)]
    shadow: ShadowBody | None = None
    sticky: Sticky = Sticky.HEADER
    reason: Reason = ""

    def to_route(self, alias: str) -> Route:
        """The same as the rest of the gateway has it."""
        shadow = Shadow(self.shadow.release, self.shadow.percent) if self.shadow else None
        arms = tuple(Arm(arm.release, arm.weight, arm.name) for arm in self.arms)
        return Route(alias, arms, shadow, self.sticky)


SeenRevision = Annotated[
    int | None,
    Field(
        ge=0,
        le=2**53 - 1,
        description="Of the route as the caller saw it: 412 where it has changed since.",
    ),
]


class Promotion(BaseModel):
    """Which release gets everything."""

    model_config = ConfigDict(extra="forbid", strict=True)

    release: Annotated[
        ReleaseText | None, Field(description="Needed only where there is more than one to choose.")
    ] = None
    revision: SeenRevision = None
    reason: Reason = ""


class Rollback(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    revision: SeenRevision = None
    reason: Reason = ""


class RouteDescription(BaseModel):
    """What an alias means now."""

    alias: str = Field(examples=["digits"])
    task: Task
    max_batch_size: int = Field(examples=[32])
    top_k: int = Field(examples=[10], description="The most labels that ?top_k= may ask for.")
    arms: list[ArmBody]
    shadow: ShadowBody | None
    sticky: Sticky
    revision: int = Field(examples=[3], description="0 where nobody has ever set this route.")


class RouteList(BaseModel):
    """Every alias."""

    routes: list[RouteDescription]


class RouteChangeDescription(BaseModel):
    """One state of a route, and who brought it about."""

    revision: int
    arms: list[ArmBody]
    shadow: ShadowBody | None
    sticky: Sticky
    at: datetime
    by: str = Field(examples=["admin"], description="Name of the API key.")
    key_id: str = Field(examples=["4f6c2a9b1d0e"])
    action: str = Field(examples=["route.set"])
    reason: str
    rollout_id: str | None
    rolls_back_to: int | None = Field(description="The revision that a rollback brings back.")


class RouteHistory(BaseModel):
    """What an alias has meant, newest first."""

    changes: list[RouteChangeDescription]


class AuditDescription(BaseModel):
    """Something that somebody did."""

    id: int
    at: datetime
    by: str
    key_id: str
    action: str
    subject: str
    reason: str
    detail: dict[str, Any]


class AuditList(BaseModel):
    """What was done, newest first."""

    entries: list[AuditDescription]
