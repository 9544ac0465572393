"""Requests whose right answers are known: the golden inputs of every release, asked in each way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.raw_http import post
from python_backends.shared.contract import IMAGE, TEXT, Task, encode_bytes_tensor
from triptych.release import Golden, Release, find_releases, read_release

# Golden scores lie further apart, so that an answer to somebody else's image is noticed too.
SCORE_TOLERANCE: Final = 0.002
_BOUNDARY: Final = "fault-suite-boundary"


@dataclass(frozen=True)
class Question:
    """One request and what may come back.

    Attributes:
        kind: What it is counted as.
        request: Everything that is sent, except the key and the id.
        expected: Label and score of each item, in order; none where a refusal is right.
        statuses: What HTTP statuses are right.
    """

    kind: str
    path: str
    body: bytes = field(repr=False)
    headers: dict[str, str]
    expected: tuple[tuple[str, float], ...] = ()
    statuses: frozenset[int] = frozenset({200})

    @property
    def is_good(self) -> bool:
        """Whether it deserves an answer; anything else may be refused."""
        return bool(self.expected)

    def bytes_with(self, key: str, request_id: str) -> bytes:
        """What goes over the wire."""
        more = {"X-API-Key": key, "X-Request-Id": request_id}
        return post(self.path, self.body, {**self.headers, **more})

    def complaint(self, status: int, body: bytes) -> str | None:
        """What is wrong with a 200, or None. Only for good questions."""
        try:
            answered = _answered(json.loads(body))
        except (ValueError, KeyError, TypeError, IndexError) as exc:
            return f"unreadable answer {status}: {exc!r}"
        if len(answered) != len(self.expected):
            return f"{len(answered)} answers to {len(self.expected)} items"
        for (label, score), (known, known_score) in zip(answered, self.expected, strict=True):
            if label != known or abs(score - known_score) > SCORE_TOLERANCE:
                return f"{label!r} {score:.4f}, not {known!r} {known_score:.4f}"
        return None


def _answered(body: dict[str, Any]) -> list[tuple[str, float]]:
    """The first label and score of each item, whatever kind of answer it is."""
    if "outputs" in body:
        tensors = {tensor["name"]: tensor for tensor in body["outputs"]}
        width = tensors["LABEL"]["shape"][-1]
        pairs = zip(tensors["LABEL"]["data"], tensors["SCORE"]["data"], strict=True)
        return [(str(label), float(score)) for label, score in list(pairs)[::width]]
    results = body.get("results", [body])
    first = [result["predictions"][0] for result in results]
    return [(entry["label"], float(entry["score"])) for entry in first]


def questions_of(repository: Path) -> list[Question]:
    """Every way to ask every release of a repository."""
    releases = [read_release(repository, name) for name in find_releases(repository)]
    return [
        question
        for release in releases
        for question in (
            _images(release) if release.task is Task.IMAGE_CLASSIFICATION else _texts(release)
        )
    ]


def golden_question(release: Release) -> Question:
    """One item of a release, asked in the plain way."""
    is_image = release.task is Task.IMAGE_CLASSIFICATION
    return _one_image(release, release.golden[0]) if is_image else _texts(release)[0]


def _images(release: Release) -> list[Question]:
    golden = release.golden
    return [
        *(_one_image(release, item) for item in golden),
        _form(release, golden[:3]),
        _form(release, golden),
        *(_tensors(release, IMAGE.name, golden[start : start + 2]) for start in (0, 2)),
    ]


def _texts(release: Release) -> list[Question]:
    path, headers = f"/v1/predict/{release.name.alias}", {"Content-Type": "application/json"}
    texts = [item.file.read_text() for item in release.golden]
    known = _known(release.golden)
    one = [
        Question("text", path, json.dumps({"text": text}).encode(), headers, (answer,))
        for text, answer in zip(texts, known, strict=True)
    ]
    all_of_them = Question("texts", path, json.dumps({"texts": texts}).encode(), headers, known)
    return [*one, all_of_them, _tensors(release, TEXT.name, release.golden)]


def _known(golden: Sequence[Golden]) -> tuple[tuple[str, float], ...]:
    return tuple((item.label, item.score) for item in golden)


def _one_image(release: Release, item: Golden) -> Question:
    path, headers = f"/v1/predict/{release.name.alias}", {"Content-Type": _media_type(item.file)}
    return Question("image", path, item.file.read_bytes(), headers, _known([item]))


def _media_type(file: Path) -> str:
    return {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}[file.suffix]


def _form(release: Release, golden: Sequence[Golden]) -> Question:
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    parts = [
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name=files; "
        f'filename="{item.file.name}"\r\nContent-Type: {_media_type(item.file)}\r\n\r\n'.encode()
        + item.file.read_bytes()
        + b"\r\n"
        for item in golden
    ]
    body = b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])
    return Question("form", f"/v1/predict/{release.name.alias}", body, headers, _known(golden))


def _tensors(release: Release, tensor: str, golden: Sequence[Golden]) -> Question:
    """The Open Inference Protocol, with a binary tensor in the request and JSON in the answer."""
    raw = encode_bytes_tensor(item.file.read_bytes() for item in golden)
    described = {
        "name": tensor,
        "shape": [len(golden), 1],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [described]}).encode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
    path = f"/v2/models/{release.name.alias}/infer"
    return Question("v2", path, head + raw, headers, _known(golden))
