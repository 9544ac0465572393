"""From the arguments of a predict call to what is sent, and from its body to typed answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from triptych.client.answers import ItemResult, Prediction, Provenance, RefusedItem, Timing
from triptych.client.errors import ServerFailed
from triptych.client.gateway_http import Ask, NamedFile
from triptych.client.routes import AliasRoute, check_sticky_key, read_route


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a predict call may ask for, besides its items."""

    sticky_key: str | None = None
    top_k: int | None = None

    def of(self, ask: Ask) -> Ask:
        """The same call, with what is wished.

        Raises:
            ValueError: the sticky key is none.
        """
        key = check_sticky_key(self.sticky_key)
        headers = {**ask.headers, "X-Sticky-Key": key} if key else ask.headers
        params = {} if self.top_k is None else {"top_k": str(self.top_k)}
        return replace(ask, headers=headers, params=params)


def numbered(images: Sequence[bytes]) -> list[NamedFile]:
    """Give each image of a form the file name that a form takes."""
    return [(str(place), image) for place, image in enumerate(images)]


def read_prediction(body: Mapping[str, Any]) -> Prediction:
    """Read PredictionBody of docs and OpenAPI.

    Raises:
        ServerFailed: it cannot be read.
    """
    try:
        return _prediction(_answered_by(body), body)
    except (KeyError, ValueError, TypeError) as exc:
        raise _unreadable(exc) from exc


def read_batch(body: Mapping[str, Any], items: int) -> list[ItemResult]:
    """Read BatchBody of docs and OpenAPI, which has so many items.

    Raises:
        ServerFailed: it cannot be read.
    """
    try:
        shared, results = _answered_by(body), body["results"]
        return [_item(shared, result) for _, result in zip(range(items), results, strict=True)]
    except (KeyError, ValueError, TypeError) as exc:
        raise _unreadable(exc) from exc


def read_routes(body: Mapping[str, Any]) -> list[AliasRoute]:
    """Read RouteList of docs and OpenAPI.

    Raises:
        ServerFailed: it cannot be read.
    """
    try:
        return [read_route(route) for route in body["routes"]]
    except (KeyError, TypeError) as exc:
        raise _unreadable(exc) from exc


def _unreadable(exc: Exception) -> ServerFailed:
    return ServerFailed(f"the gateway's answer cannot be read: {exc!r}")


def _answered_by(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Answer`; an older gateway says neither route nor provenance."""
    route, known = body.get("route") or {}, body.get("provenance") or {}
    return {
        "request_id": str(body["request_id"]),
        "alias": str(body["alias"]),
        "release": str(body["release"]),
        "arm": str(route.get("arm") or body["release"]),
        "revision": route.get("revision"),
        "timing": Timing(float(body["timing"]["total_ms"]), float(body["timing"]["triton_ms"])),
        "provenance": Provenance(
            semver=known.get("semver") or None,
            model_sha256=known.get("model_sha256") or None,
            device=known.get("device") or None,
            cache=known.get("cache") or None,
        ),
    }


def _item(shared: Mapping[str, Any], result: Mapping[str, Any]) -> ItemResult:
    error = result.get("error")
    if error:
        return RefusedItem(**shared, code=str(error["code"]), message=str(error["message"]))
    return _prediction(shared, result)


def _prediction(shared: Mapping[str, Any], result: Mapping[str, Any]) -> Prediction:
    classes = result["predictions"]
    return Prediction(
        **shared,
        labels=tuple(str(it["label"]) for it in classes),
        scores=tuple(float(it["score"]) for it in classes),
        is_truncated=result.get("truncated") is True,
    )
