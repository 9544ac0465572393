"""Every answer of 400 or more has one shape, one stable code and the id of its request."""

from __future__ import annotations

import re
import sqlite3

import pytest

from gateway import errors
from gateway.control_plane import control_errors
from gateway.error_responses import HTTP_STATUS
from gateway.jobs import job_errors
from gateway.settings import GatewaySettings
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import Gateway, StartGateway


def test_the_tree_in_the_docstring_names_every_error() -> None:
    told = f"{errors.__doc__}{control_errors.__doc__}{job_errors.__doc__}"
    for error in HTTP_STATUS:
        assert error.__name__ in told


async def test_every_answer_carries_the_id_of_its_request(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    predict = ("POST", "/v1/predict/digits")
    seen = set()
    for method, path, headers, status in [
        ("GET", "/healthz", {}, 200),
        ("GET", "/docs", {}, 200),
        (*predict, gateway.ui, 200),
        (*predict, {}, 401),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/v1/predict/digits", {}, 405),
        ("POST", "/v1/predict/letters", gateway.ui, 404),
    ]:
        answer = await gateway.client.request(method, path, content=b"seven", headers=headers)
        assert answer.status_code == status
        identifier = answer.headers["X-Request-Id"]
        assert re.fullmatch("[0-9a-f]{32}", identifier)
        if status >= 400:
            error = answer.json()["error"]
            assert error.keys() == {"code", "message", "request_id"}
            assert error["request_id"] == identifier
        seen.add(identifier)
    assert len(seen) == 7


async def test_a_path_that_is_not_there_and_a_method_that_is_not_taken_have_codes(
    gateway: Gateway,
) -> None:
    unknown = await gateway.client.get("/v1/nowhere")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    wrong = await gateway.client.get("/v1/predict/digits")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "POST"


async def test_no_method_and_no_path_is_too_odd_to_be_answered(
    gateway: Gateway,
) -> None:
    odd = ("..%2f..%2fetc", "%ff%fe", "%00", "%E2%98%83", "a" * 5000, "%0d%0aX:%20y", "%22'")
    for method in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"):
        for path in ("/", "/healthz", *(f"/v1/predict/{alias}" for alias in odd)):
            answer = await gateway.client.request(method, path, headers=gateway.ui)
            expected = {200} if (method, path) == ("GET", "/healthz") else {404, 405}
            assert answer.status_code in expected, (method, path)
            assert "X-Request-Id" in answer.headers
            assert (answer.content == b"") == (method == "HEAD")
    for alias in odd:
        answer = await gateway.client.get(f"/v1/routes/{alias}", headers=gateway.ui)
        assert answer.status_code == 404


async def test_what_nobody_expected_is_an_internal_error_without_details(
    settings: GatewaySettings,
    serve_gateway: StartGateway,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = await serve_gateway()
    with sqlite3.connect(settings.state_dir / "triptych.db") as database:
        database.execute("UPDATE api_keys SET created_at = 'never'")
    database.close()
    answer = await gateway.client.get("/v1/admin/keys", headers=gateway.admin)
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {
            "code": "internal_error",
            "message": "something broke on our side",
            "request_id": answer.headers["X-Request-Id"],
        }
    }
    logged = [record for record in caplog.records if record.exc_info]
    assert any("never" in str(record.exc_info[1]) for record in logged if record.exc_info)
    assert (await gateway.client.get("/healthz")).status_code == 200
