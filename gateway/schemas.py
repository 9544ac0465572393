"""The bodies of the REST interface, with examples that OpenAPI shows."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

# True or left out: the answers of models that read everything stay as short as they were.
_TRUNCATED: Any = Field(
    default=None,
    examples=[True],
    description="True where only the first part was read because the whole was too long.",
)


class ErrorDetail(BaseModel):
    """What went wrong: `code` is stable, `message` is for people."""

    code: str
    message: str
    request_id: str


class ErrorBody(BaseModel):
    """Every answer with a status of 400 or more."""

    error: ErrorDetail


class LabelScore(BaseModel):
    """One class."""

    label: str = Field(examples=["7"])
    score: float = Field(examples=[0.9987], description="Softmax probability, 0 to 1.")


class Timing(BaseModel):
    """Where the time went, in milliseconds."""

    total_ms: float = Field(examples=[6.2], description="In the gateway, headers to answer.")
    triton_ms: float = Field(examples=[4.9], description="The call to Triton.")


class RouteTaken(BaseModel):
    """How the request came to this release."""

    arm: str = Field(
        examples=["digits_r1"], description="As the route calls it; the release if it has no name."
    )
    revision: int | None = Field(
        examples=[3],
        description="Of the route; 0: nobody has ever set it; null: the request named a release.",
    )


class Provenance(BaseModel):
    """What has answered."""

    model_sha256: str = Field(
        examples=["0d1c3a5be77f"], description="First digits of the hash of the model's file."
    )
    device: str = Field(examples=["cpu"], description="`cpu` or `gpu`; empty where unknown.")
    semver: str | None = Field(
        default=None, examples=["1.4.0"], description="Where the release was given one."
    )
    cache: str | None = Field(
        default=None, examples=["miss"], description="`hit` or `miss`, where a cache is on."
    )


class PredictionBody(BaseModel):
    """The answer to one image sent as the raw body, or to one text."""

    request_id: str = Field(examples=["6f1d0c1e9a3b4c5d8e7f60718293a4b5"])
    alias: str = Field(examples=["digits"])
    release: str = Field(examples=["digits_r1"])
    route: RouteTaken
    provenance: Provenance
    predictions: list[LabelScore]
    truncated: bool | None = _TRUNCATED
    timing: Timing


class ItemError(BaseModel):
    """Why one file or text of a batch has no answer."""

    code: str = Field(examples=["undecodable_image"])
    message: str


class ItemResult(BaseModel):
    """One file or text of a batch: `predictions`, or `error` in their place."""

    filename: str | None = Field(
        default=None, examples=["seven.jpg"], description="As the form said it; a text has none."
    )
    predictions: list[LabelScore] | None = None
    truncated: bool | None = _TRUNCATED
    error: ItemError | None = None


class BatchBody(BaseModel):
    """The answer to a form or to several texts: one result for each, in the order they came."""

    request_id: str = Field(examples=["6f1d0c1e9a3b4c5d8e7f60718293a4b5"])
    alias: str = Field(examples=["digits"])
    release: str = Field(examples=["digits_r1"])
    route: RouteTaken
    provenance: Provenance
    results: list[ItemResult]
    timing: Timing


class Readiness(BaseModel):
    """Whether golden inputs get their golden answers, and since when that is so or not."""

    ready: bool
    since: str = Field(examples=["2026-01-31T12:00:00.000Z"])
    reason: str | None = None
