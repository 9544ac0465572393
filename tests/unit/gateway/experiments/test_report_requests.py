"""What may be asked of reports, and what is answered where there is nothing to report."""

from __future__ import annotations

import pytest

from tests.unit.gateway.experiments.compared import report, set_route
from tests.unit.gateway.running_gateway import StartGateway


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"revision": 1, "since_revision": 1}, "send revision or since_revision, not both"),
        ({"since_revision": 9}, "the route's revision is 2"),
        ({"revision": -1}, "query.revision"),
    ],
)
async def test_revisions_that_make_no_sense_are_refused(
    start_gateway: StartGateway, query: dict[str, int], sentence: str
) -> None:
    gateway = await start_gateway()
    await set_route(gateway, shadow=10, r1=1)
    for what in ("routes", "shadows"):
        answer = await gateway.client.get(
            f"/v1/admin/{what}/digits/report", params=query, headers=gateway.admin
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")
        assert sentence in answer.json()["error"]["message"]


async def test_an_alias_that_means_nothing_has_no_report(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    for what in ("routes", "shadows"):
        answer = await gateway.client.get(f"/v1/admin/{what}/birds/report", headers=gateway.admin)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_alias")


async def test_a_shadow_that_is_gone_has_to_be_named(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    answer = await gateway.client.get("/v1/admin/shadows/digits/report", headers=gateway.admin)
    assert answer.status_code == 400
    assert "?release=" in answer.json()["error"]["message"]
    told = await report(gateway, "shadows", release="digits_r2")
    assert (told["pairs"], told["median_difference_ms"]) == (0, None)
    assert told["top1_agreement"] == {"count": 0, "share": 0.0, "lower": 0.0, "upper": 1.0}
    assert told["score_differences"] == [0] * 20
