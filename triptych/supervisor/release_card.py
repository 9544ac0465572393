"""What a release on disk says of itself, in a bounded size: for people, not for serving."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from triptych.errors import ReleaseBroken, ReleaseNameInvalid
from triptych.release import CERTIFICATE, Release, read_release
from triptych.releases.catalogue import describe
from triptych.routing import ReleaseName

MOST_SHOWN_LABELS: Final = 100
"""Of a release with more of them nobody reads a list or a confusion matrix."""
_MOST_MEASUREMENTS: Final = 16
_MOST_BYTES: Final = 1024 * 1024


def tell_card(repository: Path, name: ReleaseName) -> dict[str, object]:
    """Read one release anew, loaded or not; hashes are those of release.json.

    Raises:
        ReleaseNameInvalid: there is no such release.
        ReleaseBroken: it cannot be read, or tells more than a page could show.
    """
    if not (repository / str(name) / CERTIFICATE).is_file():
        raise ReleaseNameInvalid(f"There is no release {str(name)!r} on this disk.")
    card = _card(read_release(repository, name))
    try:
        size = len(json.dumps(card, allow_nan=False))
    except ValueError as exc:  # Python reads NaN from JSON, and nobody may write it
        raise ReleaseBroken(f"{name}: {CERTIFICATE} tells a number that is none.") from exc
    if size > _MOST_BYTES:
        raise ReleaseBroken(f"{name}: {CERTIFICATE} tells more than {_MOST_BYTES} bytes.")
    return card


def _card(release: Release) -> dict[str, object]:
    described = describe(release, routed=())
    del described["routed"], described["accuracy"]  # others know the one; here is more of the other
    return {
        **described,
        "labels": list(release.certificate.labels[:MOST_SHOWN_LABELS]),
        "engine": release.default_engine,
        "engines": sorted({release.default_engine, *release.engines}),
        "fingerprint": release.fingerprint,
        "model_sha256": release.model_sha256(),
        "artifacts": dict(release.artifacts),
        "measurements": list(_measurements(release.certificate.metrics))[:_MOST_MEASUREMENTS],
    }


def _measurements(metrics: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """What was measured on each set of inputs; training scripts tell more or less of it."""
    for name, value in metrics.items():
        if isinstance(value, Mapping) and isinstance(value.get("accuracy"), int | float):
            yield {
                "name": name,
                "accuracy": value["accuracy"],
                "inputs": value.get("images", value.get("inputs")),
                "confusion": _small_square(value.get("confusion")),
            }
        elif name == "accuracy" and isinstance(value, int | float):
            yield {"name": name, "accuracy": value, "inputs": None, "confusion": None}


def _small_square(rows: Any) -> list[list[int]] | None:  # noqa: ANN401 - it comes from a file
    """A confusion matrix, true classes down and answered ones across; None where it is none."""
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_SHOWN_LABELS:
        return None
    is_square = all(isinstance(row, list) and len(row) == len(rows) for row in rows)
    is_of_counts = is_square and all(type(count) is int for row in rows for count in row)
    return rows if is_of_counts else None
