"""What an Accept header says of application/problem+json."""

from __future__ import annotations

from typing import Final

_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"


def prefers_problem(accept: str | None) -> bool:
    """Whether an error should come as RFC 9457 says.

    It must be named: a wildcard asks for nothing, and most clients send one. Named as well as
    application/json, it is taken, because only errors can have it.
    """
    if accept is None or "problem+json" not in accept.lower():
        return False
    weights = dict(_weight(part) for part in accept.lower().split(","))
    wanted = weights.get(_PROBLEM, 0.0)
    return wanted > 0 and wanted >= weights.get(_JSON, 0.0)


def _weight(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media_type, _quality(value.strip())
    return media_type, 1.0


def _quality(text: str) -> float:
    """A q value, RFC 9110 12.4.2: 0 to 1 with three decimals; what is none counts as 0."""
    if not text.replace(".", "", 1).isdecimal() or not text.isascii():
        return 0.0
    return min(float(text), 1.0)
