"""What changed from one release to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from triptych.release import Release
from triptych.releases.catalogue import accuracies

# Told field by field, or made from what is told.
_TOLD = ("config.pbtxt", "labels.txt")


@dataclass(frozen=True)
class Change:
    """One field that is not the same; None where a side does not have it."""

    before: object
    after: object


@dataclass(frozen=True)
class Difference:
    """Two releases held side by side.

    Attributes:
        are_weights_same: Whether the model files are the same bytes.
        changes: By field; what is the same is not there.
        labels_added: Labels that only the second has.
        labels_removed: Labels that only the first has.
        are_labels_reordered: Whether labels that both have come in another order.
        changed_files: Other files that differ, such as a tokenizer, relative to their release.
    """

    are_weights_same: bool
    changes: Mapping[str, Change]
    labels_added: tuple[str, ...]
    labels_removed: tuple[str, ...]
    are_labels_reordered: bool
    changed_files: tuple[str, ...]


def compare(first: Release, second: Release) -> Difference:
    """Hold the second against the first."""
    before, after = _fields(first), _fields(second)
    old_files, new_files = _files(first), _files(second)
    differing = sorted(
        file for file in old_files | new_files if old_files.get(file) != new_files.get(file)
    )
    old, new = first.certificate.labels, second.certificate.labels
    return Difference(
        are_weights_same=not any(_is_weight(file) for file in differing),
        changes={
            **_changed(before, after, sorted(before | after)),
            **_parity(first, second),
            **_accuracy(first, second),
        },
        labels_added=tuple(label for label in new if label not in set(old)),
        labels_removed=tuple(label for label in old if label not in set(new)),
        are_labels_reordered=_shared(old, new) != _shared(new, old),
        changed_files=tuple(
            file
            for file in differing
            if not _is_weight(file) and file.rpartition("/")[2] not in _TOLD
        ),
    )


def _changed(
    before: Mapping[str, object], after: Mapping[str, object], fields: list[str]
) -> dict[str, Change]:
    pairs = ((field, Change(before.get(field), after.get(field))) for field in fields)
    return {field: change for field, change in pairs if change.before != change.after}


def _fields(release: Release) -> dict[str, object]:
    certificate = release.certificate
    return {
        "task": release.task.value,
        "precision": certificate.precision,
        "max_batch_size": release.max_batch_size,
        "top_k": release.top_k,
        **_flat("transform", certificate.transform),
        **_flat("source", certificate.source),
    }


def _flat(prefix: str, values: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in values.items():
        name = f"{prefix}.{key}"
        found |= _flat(name, value) if isinstance(value, Mapping) else {name: value}
    return found


def _parity(first: Release, second: Release) -> dict[str, Change]:
    """Numbers that both reports have; where there are not two reports, whether there is one."""
    old, new = first.certificate.parity, second.certificate.parity
    if old is None or new is None:
        told = {"parity": _verdict(old)}, {"parity": _verdict(new)}
        return _changed(*told, ["parity"])
    before, after = _numbers(old), _numbers(new)
    return _changed(before, after, sorted(before.keys() & after.keys()))


def _verdict(report: Mapping[str, object] | None) -> str:
    if report is None:
        return "none"
    return "passed" if report.get("passed") else "not passed"


def _numbers(report: Mapping[str, object]) -> dict[str, object]:
    flat = _flat("parity", report)
    return {field: value for field, value in flat.items() if isinstance(value, int | float)}


def _accuracy(first: Release, second: Release) -> dict[str, Change]:
    before, after = (
        _flat("accuracy", accuracies(release.certificate.metrics)) for release in (first, second)
    )
    return _changed(before, after, sorted(before.keys() & after.keys()))


def _files(release: Release) -> dict[str, str]:
    """Hash by path, with the release's own name left out: `_model/1/model.onnx`."""
    return {path.removeprefix(str(release.name)): it for path, it in release.artifacts.items()}


def _is_weight(file: str) -> bool:
    return file.startswith("_model/") and not file.endswith("config.pbtxt")


def _shared(labels: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    known = set(others)
    return [label for label in labels if label in known]
