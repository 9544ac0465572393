"""Items on which a shadow disagrees: a few, not for long, and their bytes only where wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.control_plane.database import open_database
from gateway.control_plane.experiments.gallery import Gallery
from gateway.data_plane.mirroring.disagreements import Disagreement, Disagreements
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.experiments.compared import predict, report, report_with, set_route
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until


def a_disagreement(
    number: int = 0, *, item: bytes | None = b"seven", at: datetime | None = None
) -> Disagreement:
    def side(release: str, label: str) -> dict[str, object]:
        return {"release": release, "outcome": "ok", "labels": [label], "scores": [0.5]}

    serving, shadow = side("digits_r1", "7"), side("digits_r2", "1")
    when = at or datetime.now(UTC)
    return Disagreement("digits", 2, f"{number:032x}", serving, shadow, item, when)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    opened = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'triptych.db'}")
    yield opened
    await opened.dispose()


async def test_other_labels_are_shown_without_the_item(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway()
    shown = await the_first_shown(gateway, triton)
    assert shown["serving"]["labels"][:2] == ["7", "1"]
    assert shown["shadow"]["labels"][:2] == ["1", "7"]
    assert shown["shadow"]["scores"][0] == 0.5
    answer = await gateway.client.get(path_of(shown), headers=gateway.admin)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_item")
    assert not shown["has_item"]


async def test_where_the_operator_wants_it_an_item_can_be_fetched(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(shadow_items_kept=5)
    shown = await the_first_shown(gateway, triton)
    answer = await gateway.client.get(path_of(shown), headers=gateway.admin)
    assert (answer.status_code, answer.content, shown["has_item"]) == (200, b"seven", True)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def the_first_shown(gateway: Gateway, triton: FakeTriton) -> dict[str, Any]:
    triton.answers_of["digits_r2"] = {b"seven": ranked("1", "7")}
    await set_route(gateway, shadow=100, r1=1)
    await predict(gateway)
    told = await report_with(gateway, "shadows", {"pairs": 1})
    assert told["top1_agreement"]["count"] == 0

    async def is_shown() -> bool:
        return bool((await report(gateway, "shadows"))["disagreements"])

    await until(is_shown)
    shown: dict[str, Any] = (await report(gateway, "shadows"))["disagreements"][0]
    return shown


def path_of(shown: dict[str, Any]) -> str:
    return f"/v1/admin/shadows/digits/disagreements/{shown['id']}/item"


async def test_a_few_hundred_are_kept_and_of_fewer_the_bytes(engine: AsyncEngine) -> None:
    gallery = Gallery(engine, items_kept=3)
    await gallery.add([a_disagreement(number) for number in range(150)])
    await gallery.add([a_disagreement(number) for number in range(150, 250)])
    shown = await gallery.newest("digits", "digits_r2", [2], 1000)
    assert len(shown) == 200
    assert [int(it.request_id, 16) for it in shown[:2]] == [249, 248]
    assert [it.has_item for it in shown[:5]] == [True, True, True, False, False]
    assert await gallery.newest("digits", "digits_r3", [2], 1000) == []
    assert await gallery.item("digits", shown[0].id) == b"seven"
    assert await gallery.item("topics", shown[0].id) is None


async def test_none_is_kept_for_longer_than_a_week(engine: AsyncEngine) -> None:
    gallery = Gallery(engine, items_kept=3)
    old = datetime.now(UTC) - timedelta(days=7, minutes=1)
    await gallery.add([a_disagreement(1, at=old), a_disagreement(2)])
    await gallery.clear_away()
    (left,) = await gallery.newest("digits", "digits_r2", [2], 10)
    assert int(left.request_id, 16) == 2


async def test_bytes_go_when_the_operator_does_not_want_them_any_more(engine: AsyncEngine) -> None:
    await Gallery(engine, items_kept=3).add([a_disagreement()])
    gallery = Gallery(engine, items_kept=0)
    await gallery.clear_away()
    (left,) = await gallery.newest("digits", "digits_r2", [2], 10)
    assert not left.has_item


def test_of_each_second_only_the_first_few_are_kept() -> None:
    disagreements = Disagreements(keeps_items=True)
    for number in range(50):
        disagreements.add(a_disagreement(number))
    taken = disagreements.take()
    assert (len(taken), disagreements.take()) == (20, [])
    disagreements.put_back(taken)
    disagreements.add(a_disagreement(51))
    assert disagreements.take() == taken


def test_an_item_of_more_than_a_mebibyte_is_not_kept() -> None:
    disagreements = Disagreements(keeps_items=True)
    assert disagreements.bytes_to_keep(b"x" * 2**20) is not None
    assert disagreements.bytes_to_keep(b"x" * (2**20 + 1)) is None
