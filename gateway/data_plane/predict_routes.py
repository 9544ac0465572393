"""POST /v1/predict/{alias}: one image as the raw body, or several as a form."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from gateway.control_plane.keys import Scope
from gateway.data_plane.form_files import NamedImage, read_files
from gateway.data_plane.prediction import LabelledScore, Outcome
from gateway.data_plane.request_body import is_multipart, read_image
from gateway.data_plane.server_health import ReleaseReport, ServerHealth
from gateway.dependencies import Health, Prediction, Settings, require
from gateway.errors import GatewayError, InvalidParameter, UnknownAlias
from gateway.request_context import RequestRecord, record, request_id
from gateway.schemas import (
    BatchBody,
    ErrorBody,
    FileResult,
    ItemError,
    LabelScore,
    PredictionBody,
    Timing,
)
from gateway.settings import GatewaySettings

router = APIRouter(prefix="/v1/predict", tags=["predict"])

_DEFAULT_TOP_K: Final = 5
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_FILES: Final = {"type": "array", "items": {"type": "string", "format": "binary"}}
_FORM: Final = {"type": "object", "required": ["file"], "properties": {"file": _FILES}}
# The body is declared here and not as a parameter: FastAPI would read it before the key is checked.
_REQUEST_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": _BINARY,
            "image/png": _BINARY,
            "image/webp": _BINARY,
            "application/octet-stream": _BINARY,
            "multipart/form-data": {"schema": _FORM},
        },
    }
}
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorBody}
    for status in (400, 401, 403, 404, 408, 413, 415, 422, 502, 503, 504)
}


@router.post(
    "/{alias}",
    dependencies=[Depends(require(Scope.PREDICT))],
    openapi_extra=_REQUEST_BODY,
    responses=_ERRORS,
    response_model_exclude_none=True,  # of `predictions` and `error` an entry has one
    summary="Classify one image, or a form with several",
)
async def predict(
    *,
    alias: str,
    request: Request,
    health: Health,
    predictor: Prediction,
    settings: Settings,
    top_k: Annotated[
        int | None, Query(ge=1, description="How many labels, at most the release's own number.")
    ] = None,
) -> PredictionBody | BatchBody:
    """Answer with labels and scores, highest first.

    A raw image body gets `predictions`, and a refused image is the status of the call. A form
    gets `results`, one per file in the order they came; a refused file is an entry in its place.
    """
    started = time.perf_counter()
    release, report = _resolve(alias, health)
    known = record.get()
    known.alias, known.release = alias, release
    wanted = _checked_top_k(top_k, report)
    has_form = is_multipart(request)
    with predictor.admitted():
        files = await (_read_form if has_form else _read_image)(request, settings, report)
        known.images = len(files)
        images = [file.encoded for file in files]
        outcomes = await predictor.classify(release, images, top_k=wanted)
    timing = _timing(known, started)
    if has_form:
        results = [_file_result(*pair) for pair in zip(files, outcomes, strict=True)]
        return BatchBody(**_identity(known), results=results, timing=timing)
    return PredictionBody(**_identity(known), predictions=_only(outcomes), timing=timing)


def _resolve(alias: str, health: ServerHealth) -> tuple[str, ReleaseReport]:
    release = health.routes().get(alias)
    if release is None:
        raise UnknownAlias(f"there is no alias {alias!r}")
    return str(release), health.report(release)


async def _read_form(
    request: Request, settings: GatewaySettings, report: ReleaseReport
) -> list[NamedImage]:
    return await read_files(
        request, settings.max_body_bytes, settings.body_silence_seconds, report.max_batch_size
    )


async def _read_image(
    request: Request, settings: GatewaySettings, _: ReleaseReport
) -> list[NamedImage]:
    encoded = await read_image(request, settings.max_image_bytes, settings.body_silence_seconds)
    return [NamedImage("", encoded)]


def _checked_top_k(asked: int | None, report: ReleaseReport) -> int:
    if asked is None:
        return min(_DEFAULT_TOP_K, report.top_k)
    if asked > report.top_k:
        raise InvalidParameter(f"top_k is {asked}; this release answers at most {report.top_k}")
    return asked


def _identity(known: RequestRecord) -> dict[str, str]:
    return {"request_id": request_id.get(), "alias": known.alias, "release": known.release}


def _only(outcomes: list[Outcome]) -> list[LabelScore]:
    (outcome,) = outcomes
    if isinstance(outcome, GatewayError):
        raise outcome
    return _label_scores(outcome)


def _timing(known: RequestRecord, started: float) -> Timing:
    total_ms = (time.perf_counter() - started) * 1000
    return Timing(total_ms=round(total_ms, 2), triton_ms=round(known.triton_ms, 2))


def _file_result(file: NamedImage, outcome: Outcome) -> FileResult:
    if isinstance(outcome, GatewayError):
        error = ItemError(code=outcome.code, message=str(outcome))
        return FileResult(filename=file.filename, error=error)
    return FileResult(filename=file.filename, predictions=_label_scores(outcome))


def _label_scores(outcome: tuple[LabelledScore, ...]) -> list[LabelScore]:
    return [LabelScore(label=item.label, score=item.score) for item in outcome]
