"""/v1/admin/releases: what there is, one in full, load and unload."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from gateway.control_plane.admin_body import described
from gateway.control_plane.admin_desk import Desk
from gateway.control_plane.api_key import Scope
from gateway.control_plane.releases.release_card import ReleaseCard, read_card
from gateway.control_plane.releases.release_orders import FoundRelease
from gateway.control_plane.releases.supervisor_calls import Reply, Said
from gateway.control_plane.routing.route_schemas import Reason
from gateway.data_plane.routing.route_book import RouteBook
from gateway.dependencies import require
from gateway.openapi_errors import Responses, refusals

_UNUSUAL: Final[dict[int | str, str]] = {
    403: "scope_missing",
    404: "unknown_release",
    503: "inference_unavailable",
}


def _refusals(*statuses: int, conflict: str = "release_refused") -> Responses:
    return refusals(*statuses, unusual={**_UNUSUAL, 409: conflict})


router = APIRouter(
    prefix="/v1/admin/releases",
    tags=["releases"],
    dependencies=[Depends(require(Scope.ADMIN))],
    responses=_refusals(401, 403, 503),
)
_WITH_BODY: Final = (400, 404, 408, 409, 413, 415)
ReleaseInPath = Annotated[str, Path(examples=["digits_r2"])]


class Order(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Reason = ""


class LoadOrder(Order):
    """Why, and on which engine."""

    engine: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]{1,40}$",
        description="One of the release's own; null leaves it as it is.",
    )


class OnServer(BaseModel):
    """One loaded release on one Triton."""

    server: str = Field(examples=["triton-0"])
    state: str = Field(examples=["ready"])
    since: str
    reason: str | None
    engine: str = Field(description="What its model runs on; empty where it is not told.")
    memory_bytes: int | None = Field(
        default=None, description="Of the processes that serve it; null where nobody can tell."
    )


class ReleaseDescription(BaseModel):
    """One release: on disk, in memory, in routes."""

    release: str = Field(examples=["digits_r2"])
    task: str | None = None
    promotable: bool | None = None
    created: str | None = None
    semver: str | None = None
    model_sha256: str | None = None
    size_bytes: int | None = Field(default=None, description="Of its files.")
    broken: str | None = Field(default=None, description="Why its files cannot be used.")
    routed_by: list[str] = Field(description="Aliases of which it is an arm or the shadow.")
    is_wanted: bool | None = Field(description="What somebody said last; null: nobody did.")
    servers: list[OnServer]


class ReleaseList(BaseModel):
    """Every release on a disk or in memory."""

    releases: list[ReleaseDescription]


class OnOneServer(BaseModel):
    """What came of an order on one Triton."""

    server: str
    done: bool
    reason: str = Field(description="Empty where it is done.")


class OrderResult(BaseModel):
    """What came of an order; a Triton that was away follows when it is back."""

    release: str
    servers: list[OnOneServer]


@router.get("", summary="Every release: on disk, loaded, ready, routed")
async def list_releases(desk: Desk) -> ReleaseList:
    """Disks are read anew: a new folder shows without a restart."""
    found, wishes = await desk.releases.found(), await desk.releases.wishes.all()
    return ReleaseList(releases=[_description(it, wishes, desk.book) for it in found])


@router.get(
    "/{release}",
    responses=_refusals(404, 409),
    summary="One release with all that it says of itself: parity, measurements, hashes, origin",
)
async def show(release: ReleaseInPath, desk: Desk) -> ReleaseCard:
    """Read anew from disk; the release need not be loaded."""
    return await read_card(desk.fleet, release)


@router.post(
    "/{release}/load",
    openapi_extra=described(LoadOrder, example={"reason": "to be tried"}, is_required=False),
    responses=_refusals(*_WITH_BODY),
    summary="Load a release on every Triton; moves no traffic",
)
async def load(release: ReleaseInPath, desk: Desk) -> OrderResult:
    """Load it, warm it and replay its golden inputs; a failure changes nothing for others."""
    body = await desk.read(LoadOrder, empty=b"{}")
    deed = desk.deed("release.load", release, body.reason)
    if body.engine is not None:
        deed = replace(deed, detail={**deed.detail, "engine": body.engine})
    replies = await desk.releases.load(deed, body.engine)
    return _result(release, replies)


@router.post(
    "/{release}/unload",
    openapi_extra=described(Order, example={"reason": "replaced"}, is_required=False),
    responses=_refusals(*_WITH_BODY, conflict="release_in_use"),
    summary="Unload a release that no route names and nobody asks any more",
)
async def unload(release: ReleaseInPath, desk: Desk) -> OrderResult:
    """Wait until nobody has asked it for some seconds, and give its memory back."""
    body = await desk.read(Order, empty=b"{}")
    replies = await desk.releases.unload(desk.deed("release.unload", release, body.reason))
    return _result(release, replies)


def _result(release: str, replies: list[Reply]) -> OrderResult:
    servers = [
        OnOneServer(server=it.server, done=it.said is Said.DONE, reason=it.sentence)
        for it in replies
    ]
    return OrderResult(release=release, servers=servers)


def _description(
    found: FoundRelease, wishes: dict[str, bool], book: RouteBook
) -> ReleaseDescription:
    told: dict[str, Any] = dict(found.on_disk or next(iter(found.loaded.values()), {}))
    known = {name: told.get(name) for name in ReleaseDescription.model_fields if name in told}
    routes = book.routes().items()
    return ReleaseDescription(
        **known,
        release=found.name,
        broken=found.broken,
        routed_by=[alias for alias, route in routes if found.name in route.releases],
        is_wanted=wishes.get(found.name),
        servers=[
            OnServer(
                server=server,
                state=str(it.get("state", "")),
                since=str(it.get("since", "")),
                reason=it.get("reason"),
                engine=str(it.get("engine", "")),
                memory_bytes=it.get("memory_bytes"),
            )
            for server, it in found.loaded.items()
        ],
    )
