"""One Triton serves the releases of all frameworks at once, behind the real gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.local_stack import local_stack
from tests.export.checkpoints import sentence
from tests.export.coloured_pictures import COLOURS
from tests.export.exported_sources import IMAGES, NAMES, TEXTS, ExportedSources

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def gateway(
    exports: ExportedSources, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    for name in NAMES:
        assert exports[name].folder
    state_dir = tmp_path_factory.mktemp("state")
    python = PROJECT / ".venv" / "bin" / "python"
    with local_stack(state_dir, exports.repository, "--no-ui", python=python) as stack:
        headers = {"Authorization": f"Bearer {stack.admin_key}"}
        with httpx.Client(
            base_url=stack.gateway_url, headers=headers, timeout=30, trust_env=False
        ) as client:
            yield client


def golden_picture(exports: ExportedSources, alias: str, colour: str) -> Path:
    """One of the release's own, which are named after their colours and mostly answered so."""
    folder = exports[alias].folder
    assert folder is not None
    golden = json.loads((folder / "release.json").read_text())["golden"]
    names: list[str] = [item["file"] for item in golden if item["label"] == colour]
    return folder / "golden" / next(name for name in names if name.startswith(colour))


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("alias", IMAGES)
def test_a_picture_gets_its_colour(
    gateway: httpx.Client, exports: ExportedSources, alias: str, colour: str
) -> None:
    picture = golden_picture(exports, alias, colour)

    response = gateway.post(
        f"/v1/predict/{alias}",
        content=picture.read_bytes(),
        headers={"Content-Type": "application/octet-stream"},
    )

    body = response.json()
    assert response.status_code == 200, body
    assert body["release"] == f"{alias}_r1"
    assert body["predictions"][0]["label"] == colour
    assert sum(it["score"] for it in body["predictions"]) == pytest.approx(1, abs=1e-3)
    assert len(body["predictions"]) == len(COLOURS)


@pytest.mark.parametrize("alias", TEXTS)
def test_a_text_gets_the_colour_that_it_names(gateway: httpx.Client, alias: str) -> None:
    response = gateway.post(f"/v1/predict/{alias}", json={"text": "the sky is very blue"})

    body = response.json()
    assert response.status_code == 200, body
    assert body["predictions"][0]["label"] == "blue"
    assert "truncated" not in body


@pytest.mark.parametrize("alias", TEXTS)
def test_several_texts_are_answered_in_their_order(gateway: httpx.Client, alias: str) -> None:
    texts = [sentence(colour, 3) for colour in (2, 0, 1)]

    response = gateway.post(f"/v1/predict/{alias}", json={"texts": texts})

    assert response.status_code == 200, response.text
    labels = [result["predictions"][0]["label"] for result in response.json()["results"]]
    assert labels == ["blue", "red", "green"]


@pytest.mark.parametrize("alias", TEXTS)
def test_a_text_longer_than_the_network_says_that_it_was_cut(
    gateway: httpx.Client, alias: str
) -> None:
    response = gateway.post(f"/v1/predict/{alias}", json={"text": "the green apple " * 40})

    body = response.json()
    assert response.status_code == 200, body
    assert body["truncated"] is True
    assert body["predictions"][0]["label"] == "green"
