"""POST /v1/predict/{alias}: one image or a form of several, one text or a list of several."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypedDict

from fastapi import APIRouter, Query, Request

from gateway.control_plane.api_key import ApiKey
from gateway.data_plane.form_files import read_files
from gateway.data_plane.json_texts import parse_texts
from gateway.data_plane.media_types import BodyForm, choose_form
from gateway.data_plane.predict_openapi import REQUEST_BODY
from gateway.data_plane.prediction import Answered, Outcome
from gateway.data_plane.rate_limits import RateLimits
from gateway.data_plane.request_body import declared_bytes, read_body
from gateway.data_plane.server_health import ReleaseReport, ServerHealth
from gateway.dependencies import (
    Health,
    Limits,
    Prediction,
    PredictKey,
    Settings,
    check_may_use,
)
from gateway.errors import EmptyBody, GatewayError, InvalidParameter, UnknownAlias
from gateway.request_context import RequestRecord, record, request_id
from gateway.schemas import (
    BatchBody,
    ErrorBody,
    ItemError,
    ItemResult,
    LabelScore,
    PredictionBody,
    Timing,
)
from gateway.settings import GatewaySettings
from python_backends.shared.contract import Task

# Parsed JSON may take twenty times its own length in memory, and nothing else runs meanwhile.
_MAX_JSON_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True)
class _Items:
    """Encoded images or UTF-8 texts in their order, and what their answers need."""

    contents: Sequence[bytes]
    filenames: Sequence[str | None]
    """Only what came in a form has one."""
    is_batch: bool


class _Answer(TypedDict):
    """What an answered item says, alone or as one of several."""

    predictions: list[LabelScore]
    truncated: bool | None


router = APIRouter(prefix="/v1/predict", tags=["predict"])

_DEFAULT_TOP_K: Final = 5
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorBody}
    for status in (400, 401, 403, 404, 408, 413, 415, 422, 429, 502, 503, 504)
}


@router.post(
    "/{alias}",
    openapi_extra=REQUEST_BODY,
    responses=_ERRORS,
    response_model_exclude_none=True,  # of `predictions` and `error` an entry has one
    summary="Classify one image or text, or several of them",
)
async def predict(
    *,
    alias: str,
    request: Request,
    key: PredictKey,
    limits: Limits,
    health: Health,
    predictor: Prediction,
    settings: Settings,
    top_k: Annotated[
        int | None, Query(ge=1, description="How many labels, at most the release's own number.")
    ] = None,
) -> PredictionBody | BatchBody:
    """Answer with labels and scores, highest first.

    The alias's `task` in `/v1/routes` says what it takes. One image or `text` gets `predictions`,
    and a refused one is the status of the call. A form or `texts` gets `results` in the order in
    which the items came; a refused item is an entry in its place.
    """
    started = time.perf_counter()
    declared = await _check_key(key, alias, limits, request)
    release, report = _resolve(alias, health)
    known = record.get()
    known.alias, known.release = alias, release
    wanted = _checked_top_k(top_k, report)
    form = choose_form(request.headers.get("content-type"), report.task)
    with predictor.admitted():
        items = await _READERS[form](request, settings, report.max_batch_size)
        _count(known, report.task, len(items.contents))
        if declared is None:
            await limits.charge(key, requests=0, size_bytes=sum(map(len, items.contents)))
        outcomes = await predictor.classify(release, report.task, items.contents, top_k=wanted)
    return _body(known, items, outcomes, _timing(known, started))


async def _check_key(key: ApiKey, alias: str, limits: RateLimits, request: Request) -> int | None:
    """Charge what the headers tell; None is a body whose bytes are charged after reading."""
    check_may_use(key, alias)
    declared = declared_bytes(request)
    await limits.charge(key, requests=1, size_bytes=declared or 0)
    return declared


async def _read_image(request: Request, settings: GatewaySettings, _: int) -> _Items:
    body = await read_body(request, settings.max_image_bytes, settings.body_silence_seconds)
    if not body:
        raise EmptyBody("the body is empty; send the bytes of one image")
    return _Items([body], [None], is_batch=False)


async def _read_form(request: Request, settings: GatewaySettings, most: int) -> _Items:
    files = await read_files(request, settings.max_body_bytes, settings.body_silence_seconds, most)
    contents, names = [file.content for file in files], [file.filename for file in files]
    return _Items(contents, names, is_batch=True)


async def _read_json(request: Request, settings: GatewaySettings, most: int) -> _Items:
    limit_bytes = min(settings.max_body_bytes, _MAX_JSON_BYTES)
    body = await read_body(request, limit_bytes, settings.body_silence_seconds)
    parsed = parse_texts(body, most)
    return _Items(parsed.texts, [None] * len(parsed.texts), parsed.is_batch)


_READERS: Final = {
    BodyForm.IMAGE: _read_image,
    BodyForm.FILES: _read_form,
    BodyForm.TEXTS: _read_json,
}


def _resolve(alias: str, health: ServerHealth) -> tuple[str, ReleaseReport]:
    release = health.routes().get(alias)
    if release is None:
        raise UnknownAlias(f"there is no alias {alias!r}")
    return str(release), health.report(release)


def _checked_top_k(asked: int | None, report: ReleaseReport) -> int:
    if asked is None:
        return min(_DEFAULT_TOP_K, report.top_k)
    if asked > report.top_k:
        raise InvalidParameter(f"top_k is {asked}; this release answers at most {report.top_k}")
    return asked


def _identity(known: RequestRecord) -> dict[str, str]:
    return {"request_id": request_id.get(), "alias": known.alias, "release": known.release}


def _count(known: RequestRecord, task: Task, items: int) -> None:
    if task is Task.TEXT_CLASSIFICATION:
        known.texts = items
    else:
        known.images = items


def _only(outcomes: list[Outcome]) -> _Answer:
    (outcome,) = outcomes
    if isinstance(outcome, GatewayError):
        raise outcome
    return _answer(outcome)


def _timing(known: RequestRecord, started: float) -> Timing:
    total_ms = (time.perf_counter() - started) * 1000
    return Timing(total_ms=round(total_ms, 2), triton_ms=round(known.triton_ms, 2))


def _body(
    known: RequestRecord, items: _Items, outcomes: list[Outcome], timing: Timing
) -> PredictionBody | BatchBody:
    if not items.is_batch:
        return PredictionBody(**_identity(known), **_only(outcomes), timing=timing)
    results = [_result(*pair) for pair in zip(items.filenames, outcomes, strict=True)]
    return BatchBody(**_identity(known), results=results, timing=timing)


def _result(filename: str | None, outcome: Outcome) -> ItemResult:
    if isinstance(outcome, GatewayError):
        error = ItemError(code=outcome.code, message=str(outcome))
        return ItemResult(filename=filename, error=error)
    return ItemResult(filename=filename, **_answer(outcome))


def _answer(answered: Answered) -> _Answer:
    scores = [LabelScore(label=it.label, score=it.score) for it in answered.scores]
    return {"predictions": scores, "truncated": answered.is_truncated or None}
