"""triptych releases load --engine: what the gateway is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.scripted_http import as_json
from tests.unit.triptych.scripted_gateway import ScriptedGateway, scripted_gateway

LOAD = "/v1/admin/releases/digits_r2/load"


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedGateway]:
    with scripted_gateway(monkeypatch, tmp_path) as gateway:
        gateway.script.answers = {
            LOAD: as_json({"servers": [{"server": "triton-0", "done": True}]}),
            "/v1/routes/digits": as_json({"arms": [{"release": "digits_r2", "weight": 1}]}),
        }
        yield gateway


def body_of_load(gateway: ScriptedGateway) -> bytes:
    return gateway.script.asked[0].body


def test_an_engine_is_asked_for_by_name(gateway: ScriptedGateway) -> None:
    ended = gateway.run("releases", "load", "digits_r2", "--engine", "openvino-bf16")

    assert ended.exit_code == 0, ended.output
    assert ended.output.splitlines()[0] == (
        "digits_r2 is loaded on openvino-bf16, and its golden inputs got their golden answers."
    )
    assert b'"engine": "openvino-bf16"' in body_of_load(gateway)


def test_without_the_option_no_engine_is_asked_for(gateway: ScriptedGateway) -> None:
    ended = gateway.run("releases", "load", "digits_r2")

    assert ended.exit_code == 0, ended.output
    assert "digits_r2 is loaded, and" in ended.output
    assert b"engine" not in body_of_load(gateway)


def test_tensorrt_is_promised_and_not_claimed(gateway: ScriptedGateway) -> None:
    ended = gateway.run("releases", "load", "digits_r2", "--engine", "tensorrt")

    assert ended.exit_code == 0, ended.output
    assert ended.output.splitlines()[0] == (
        "digits_r2 runs on TensorRT once its plan has proven itself: triptych status."
    )
