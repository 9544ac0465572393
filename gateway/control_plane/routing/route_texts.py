"""A route as it is told: its description and its validator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gateway.data_plane.routing.route_book import RouteBook
from triptych.routing import Route


def etag_of(*descriptions: Mapping[str, Any]) -> str:
    """A strong validator of what is told of routes; RFC 9110, section 8.8.3."""
    return f'"{hashlib.sha256(json.dumps(descriptions).encode()).hexdigest()[:16]}"'


def description_of(route: Route, book: RouteBook) -> dict[str, Any]:
    """A route as RouteDescription has it.

    Raises:
        InferenceUnavailable: none of its releases is live.
    """
    targets = book.targets(route)
    return {
        "alias": route.alias,
        "task": targets[0].task,
        "max_batch_size": min(target.max_batch_size for target in targets),
        "top_k": min(target.top_k for target in targets),
        **route.to_json(),
        "revision": route.revision,
    }
