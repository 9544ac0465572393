"""Every poison request gets a 4xx that says why, and never reaches Triton."""

from __future__ import annotations

import pytest

from tests.fakes.fake_triton import FakeTriton
from tests.poison_requests import ALL, Poison
from tests.unit.gateway.running_gateway import Gateway

INFER = "/v2/models/digits/infer"


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own() -> None:
    assert len({poison.name for poison in ALL}) == len(ALL) > 100


@pytest.mark.parametrize("poison", ALL, ids=lambda poison: poison.name)
async def test_poison_is_refused_before_triton_sees_it(
    poison: Poison, triton: FakeTriton, gateway: Gateway
) -> None:
    answer = await gateway.client.post(
        INFER, content=poison.body, headers=gateway.ui | poison.headers
    )
    assert answer.status_code == poison.status, answer.text
    assert answer.json().keys() == {"error"}
    assert 10 < len(answer.json()["error"]) < 300
    assert answer.headers["X-Error-Code"]
    assert triton.asked == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("classification of LABEL", "the parameter 'classification' of output LABEL is not taken"),
        ("a sequence", "the parameter 'sequence_id' of the request is not taken here"),
        ("no batch dimension", "shape of IMAGE must be [n, 1]: n items from 1 to 8"),
        ("another name", "name of the input is 'PIXELS'; it must be 'IMAGE'"),
        ("too few elements", "data has 1 elements; shape says 2"),
        ("100 000 nested lists", "nested deeper than 8"),
        ("a million commas", "far more parts"),
        ("a million digits", "out of range"),
        ("a name twice", "holds the name 'inputs' twice"),
        ("gzip of two members", "something follows the end of the compressed body"),
        ("gzip cut short", "ends before its end"),
        ("bytes that no input claims", "3 bytes follow the JSON, and no input claims them"),
        ("a million empty elements", "more than 1 elements"),
    ],
)
async def test_the_message_names_what_is_wrong(name: str, says: str, gateway: Gateway) -> None:
    (poison,) = (it for it in ALL if it.name == name)
    answer = await gateway.client.post(
        INFER, content=poison.body, headers=gateway.ui | poison.headers
    )
    assert says in answer.json()["error"]


async def test_a_length_sent_twice_is_refused(gateway: Gateway) -> None:
    twice = [*gateway.ui.items(), *[("Inference-Header-Content-Length", "2")] * 2]
    answer = await gateway.client.post(INFER, content=b"{}", headers=twice)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (400, "invalid_infer_request")


async def test_the_limit_of_items_is_the_releases_own(gateway: Gateway) -> None:
    nine = [{"name": "IMAGE", "datatype": "BYTES", "shape": [9, 1], "data": ["AAAA"] * 9}]
    answer = await gateway.client.post(INFER, json={"inputs": nine}, headers=gateway.ui)
    assert answer.status_code == 400
    assert "from 1 to 8" in answer.json()["error"]
