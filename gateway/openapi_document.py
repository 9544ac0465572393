"""What OpenAPI says of the gateway as a whole, and one thing that FastAPI has to be helped with."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

DESCRIPTION: Final = "Raw bytes in, labels out. Send an API key as `Authorization: Bearer KEY`."
VERSION: Final = version("triptych")
TAGS: Final = [
    {"name": "predict", "description": "Images or texts in, labels and scores out."},
    {
        "name": "open inference",
        "description": "The Open Inference Protocol (KServe v2), for `tritonclient.http` and "
        "others. Each path of a model also works with `/versions/1` after the model's name.",
    },
    {"name": "jobs", "description": "Many items, answered when there is room for them."},
    {"name": "routes", "description": "Which releases an alias means, now and before."},
    {"name": "releases", "description": "What is on disk and in memory. Scope `admin`."},
    {"name": "rollouts", "description": "A share that rises by itself, or ends. Scope `admin`."},
    {"name": "keys", "description": "API keys: make, list, change, rotate, revoke. Scope `admin`."},
    {"name": "monitoring", "description": "Where time goes: of one request, and of every step."},
    {"name": "health", "description": "For orchestrators and Prometheus."},
]


def names_once(write: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Have `4XX` left out where a route names its statuses one by one.

    FastAPI wants it there while it writes: without it, it adds a 422 of its own.
    """

    def openapi() -> dict[str, Any]:
        document = write()
        for ways in document["paths"].values():
            for operation in ways.values():
                statuses = operation["responses"]
                if any(status.isdecimal() and status.startswith("4") for status in statuses):
                    statuses.pop("4XX", None)
        return document

    return openapi
