"""Errors as application/problem+json (RFC 9457) for those who ask, and in our own shape for all."""

from __future__ import annotations

import pytest

from gateway.accept import prefers_problem
from tests.unit.gateway.running_gateway import Gateway

_PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/*", False),
        ("application/json", False),
        (_PROBLEM, True),
        ("Application/Problem+JSON", True),
        (f"application/json, {_PROBLEM}", True),
        (f"{_PROBLEM};q=0.9, application/json", False),
        (f"{_PROBLEM}; q=0.9 , application/json;q=0.8", True),
        (f"{_PROBLEM};q=0", False),
        (f"{_PROBLEM};q=0.000, */*", False),
        (f"{_PROBLEM};q=", False),
        (f"{_PROBLEM};q=nan", False),
        (f"{_PROBLEM};q=1e9", False),
        (f"{_PROBLEM};q=7", True),
        (f"{_PROBLEM};q=.", False),
        (f"{_PROBLEM};q=²", False),
        (f"text/html, {_PROBLEM};charset=utf-8;q=0.1", True),
        (f"{_PROBLEM};v=1", True),
        ("application/problem+jsonx", False),
        ("x/application/problem+json", False),
        (",;,=;q", False),
    ],
)
def test_a_problem_is_for_those_who_name_it(accept: str | None, wanted: bool) -> None:
    assert prefers_problem(accept) is wanted


async def test_every_kind_of_error_has_both_shapes(gateway: Gateway) -> None:
    predict = "/v1/predict/digits"
    for method, path, headers, status, code in [
        ("POST", predict, {}, 401, "missing_api_key"),
        ("POST", predict, {"X-API-Key": "x"}, 401, "unknown_api_key"),
        ("GET", "/v1/admin/keys", gateway.ui, 403, "scope_missing"),
        ("POST", "/v1/predict/letters", gateway.ui, 404, "unknown_alias"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("GET", "/v1/routes/", gateway.ui, 404, "not_found"),
        ("GET", "/static-offline-docs/nothing", {}, 404, "not_found"),
        ("GET", predict, {}, 405, "method_not_allowed"),
        ("POST", f"{predict}?top_k=x", gateway.ui, 400, "invalid_parameter"),
        ("POST", predict, {**gateway.ui, "Content-Type": "a/b"}, 415, "unsupported_media_type"),
        ("POST", predict, gateway.ui, 422, "undecodable_image"),
    ]:
        ours = await gateway.client.request(method, path, headers=headers, content=b"noise")
        problem = await gateway.client.request(
            method, path, headers={**headers, "Accept": _PROBLEM}, content=b"noise"
        )
        assert (ours.status_code, problem.status_code) == (status, status), path
        assert ours.headers["Content-Type"] == "application/json"
        assert problem.headers["Content-Type"] == _PROBLEM
        for name in ("WWW-Authenticate", "Allow"):
            assert ours.headers.get(name) == problem.headers.get(name)
        body, identifier = problem.json(), problem.headers["X-Request-Id"]
        assert ours.json()["error"]["code"] == code
        assert body == {
            "type": f"urn:triptych:error:{code}",
            "title": code.replace("_", " ").capitalize(),
            "status": status,
            "detail": ours.json()["error"]["message"],
            "instance": f"urn:triptych:request:{identifier}",
            "code": code,
            "request_id": identifier,
        }


async def test_what_is_missing_and_what_a_path_takes_is_said(gateway: Gateway) -> None:
    wrong = await gateway.client.put("/v1/admin/keys")
    assert wrong.status_code == 405
    assert wrong.json()["error"]["message"].startswith("this path does not take PUT; it takes ")
    assert wrong.headers["Allow"] in wrong.json()["error"]["message"]
    unknown = await gateway.client.get("/v1/route")
    assert "/openapi.json" in unknown.json()["error"]["message"]
