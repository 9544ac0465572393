"""One JSON line per request: who, what, how long; never a key, never an image."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from gateway.log_setup import JsonFormatter
from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import StartGateway


def _lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    formatter = JsonFormatter()
    records = [record for record in caplog.records if record.name == "gateway.access"]
    return [json.loads(formatter.format(record)) for record in records]


async def test_a_prediction_leaves_one_line_with_key_alias_release_and_times(
    triton: FakeTriton, start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    triton.answers[b"seven"] = ranked("7")
    gateway = await start_gateway()
    keys = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
    caplog.set_level("INFO", "gateway.access")
    answer = await gateway.client.post(
        "/v1/predict/digits",
        files=[("file", ("a", b"seven")), ("file", ("b", b"seven"))],
        headers=gateway.ui,
    )
    (line,) = _lines(caplog)
    triton_ms, total_ms = line.pop("triton_ms"), line.pop("total_ms")
    assert isinstance(triton_ms, float)
    assert isinstance(total_ms, float)
    assert 0 < triton_ms <= total_ms
    assert isinstance(line.pop("body_ms"), float)
    assert isinstance(line.pop("queue_ms"), float)
    assert str(line.pop("time")).endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "gateway.access",
        "message": "POST /v1/predict/digits 200",
        "request_id": answer.headers["X-Request-Id"],
        "route": "/v1/predict/{alias}",
        "status": 200,
        "outcome": "ok",
        "body_bytes": int(answer.request.headers["Content-Length"]),
        "sent_bytes": int(answer.headers["Content-Length"]),
        "key_id": keys.json()["keys"][1]["id"],
        "tenant": keys.json()["keys"][1]["tenant"],
        "alias": "digits",
        "release": "digits_r1",
        "server": "triton-0",
        "images": 2,
        "texts": 0,
    }


async def test_texts_are_counted_as_texts_and_none_of_them_is_logged(
    supervisor: FakeSupervisor,
    triton: FakeTriton,
    start_gateway: StartGateway,
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor.releases = [a_release("topics", 1, task=Task.TEXT_CLASSIFICATION)]
    triton.answers[b"the secret sentence"] = ranked("world")
    gateway = await start_gateway()
    caplog.set_level("DEBUG")
    for body in ({"texts": ["the secret sentence"] * 2}, {"text": 7, "the secret sentence": 1}):
        await gateway.client.post("/v1/predict/topics", json=body, headers=gateway.ui)
    answered, malformed = _lines(caplog)
    assert (answered["images"], answered["texts"]) == (0, 2)
    assert (malformed["status"], malformed["texts"]) == (400, 0)
    assert "secret sentence" not in "".join(str(record.__dict__) for record in caplog.records)


async def test_a_refused_request_leaves_a_line_too(
    start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await start_gateway()
    caplog.set_level("INFO", "gateway.access")
    await gateway.client.post("/v1/predict/digits", content=b"seven")
    await gateway.client.get("/nowhere%0Aelse")
    denied, lost = _lines(caplog)
    assert (denied["status"], denied["key_id"], denied["alias"]) == (401, "", "")
    assert (denied["outcome"], denied["error"]) == ("rejected", "missing_api_key")
    assert (lost["status"], lost["route"]) == (404, "unmatched")
    assert lost["message"] == "GET /nowhere\nelse 404"


async def test_questions_of_orchestrators_leave_no_line(
    start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await start_gateway()
    caplog.set_level("INFO", "gateway.access")
    for path in ("/healthz", "/readyz", "/metrics"):
        await gateway.client.get(path, headers=gateway.admin)
    assert _lines(caplog) == []


async def test_neither_key_nor_image_is_logged(
    triton: FakeTriton, start_gateway: StartGateway, caplog: pytest.LogCaptureFixture
) -> None:
    image = b"these are the bytes"
    triton.answers[image] = ranked("7")
    gateway = await start_gateway()
    caplog.set_level("DEBUG")
    for body in ({"content": image}, {"files": {"file": ("a", image)}}):
        answer = await gateway.client.post("/v1/predict/digits", headers=gateway.ui, **body)
        assert answer.status_code == 200
    await gateway.client.get("/v1/routes", headers={"X-API-Key": "tri_mistyped"})
    logged = "".join(str(record.__dict__) for record in caplog.records)
    for secret in (image.decode(), gateway.ui["X-API-Key"], "tri_mistyped"):
        assert secret not in logged


def test_an_exception_and_odd_values_fit_into_one_line_of_json() -> None:
    try:
        raise ValueError("first\nsecond")  # noqa: TRY301 - the traceback is what is tested
    except ValueError:
        record = logging.makeLogRecord(
            {
                "name": "x",
                "levelname": "ERROR",
                "msg": "broke %s",
                "args": ('"here"\n',),
                "exc_info": sys.exc_info(),
                "extra": {1, 2},
            }
        )
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert line["message"] == 'broke "here"\n'
    assert line["exception"].endswith("ValueError: first\nsecond")
    assert line["extra"] == "{1, 2}"
    assert "request_id" not in line
