"""One release with everything that it says of itself, as a supervisor reads it from its disk."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from gateway.control_plane.control_errors import ReleaseRefused, UnknownRelease
from gateway.control_plane.releases.supervisor_calls import Reply, Said, look
from gateway.data_plane.servers.fleet import Fleet
from gateway.errors import InferenceUnavailable
from triptych.routing import ReleaseName


class Measurement(BaseModel):
    """What its training measured on one set of inputs."""

    name: str = Field(examples=["held_out"])
    accuracy: float = Field(examples=[0.9967])
    inputs: int | None = Field(examples=[599])
    confusion: list[list[int]] | None = Field(
        description="True classes down, answered ones across, in the order of the labels; null "
        "where it is not told, or of more than 100 classes."
    )


class ReleaseCard(BaseModel):
    """What release.json tells, but for the golden inputs."""

    name: str = Field(examples=["digits_r2"])
    task: str
    promotable: bool = Field(description="Whether a route may name it.")
    forced: bool = Field(description="Promotable although the parity gate did not pass.")
    created: str
    semver: str | None
    git_commit: str = Field(description="Of the exporter's checkout; may be empty.")
    precision: str = Field(examples=["fp32"])
    engine: str = Field(description="What its model runs on where nobody chooses.")
    engines: list[str]
    max_batch_size: int
    top_k: int
    classes: int
    labels: Annotated[list[str], Field(description="The first 100, in the order of the classes.")]
    size_bytes: int
    golden: int = Field(description="How many golden inputs it has.")
    fingerprint: str = Field(description="Of release.json, which holds all other hashes.")
    model_sha256: str
    artifacts: dict[str, str] = Field(description="SHA-256 by path in the repository.")
    source: dict[str, str] = Field(description="Framework, script, data, seed.")
    transform: dict[str, Any] = Field(description="What becomes of an input before the model.")
    parity: dict[str, Any] | None = Field(
        description="The gate's report; null where there was no gate."
    )
    measurements: list[Measurement]


async def read_card(fleet: Fleet, release: str) -> ReleaseCard:
    """Ask every supervisor; the first that has it on its disk is as good as any.

    Raises:
        UnknownRelease: it lies on nobody's disk.
        ReleaseRefused: nobody can read it.
        InferenceUnavailable: none of them answers.
    """
    if ReleaseName.parse(release) is None:
        raise UnknownRelease(f"{release[:80]!r} is no release name; one looks like digits_r1")
    replies = await asyncio.gather(*(look(it, f"/releases/{release}") for it in fleet.servers))
    for reply, body in replies:
        if reply.said is Said.DONE:
            try:
                return ReleaseCard.model_validate(body)
            except ValidationError as exc:
                raise ReleaseRefused(f"{reply.server}: its card of {release} is none") from exc
    raise _why_not([reply for reply, _ in replies])


def _why_not(replies: list[Reply]) -> UnknownRelease | ReleaseRefused | InferenceUnavailable:
    sentences = "; ".join(f"{it.server}: {it.sentence}" for it in replies)
    said = {it.said for it in replies}
    if Said.REFUSED in said:
        return ReleaseRefused(sentences)
    return UnknownRelease(sentences) if Said.UNKNOWN in said else InferenceUnavailable(sentences)
