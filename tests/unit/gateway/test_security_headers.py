"""What each answer tells a browser, which pages may call, and that none tells of our insides."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx
import pytest

from gateway.main import create_app
from gateway.settings import GatewaySettings
from tests.fakes.fake_triton import FakeTriton
from tests.unit.gateway.running_gateway import Gateway, StartGateway

# Of whatever machine this runs on: its home, its Python, this checkout.
_PLACES = "|".join(
    re.escape(str(it)) for it in (Path.home(), sys.prefix, Path(__file__).parents[3])
)
_INSIDES = re.compile(rf'Traceback|File "|\.py\b|site-packages|{_PLACES}|0x[0-9a-f]{{6}}')


async def test_every_answer_is_strict_and_kept_nowhere(gateway: Gateway) -> None:
    for method, path, headers, status in [
        ("GET", "/healthz", {}, 200),
        ("GET", "/v1/routes", gateway.ui, 200),
        ("GET", "/openapi.json", {}, 200),
        ("GET", "/nowhere", {}, 404),
        ("POST", "/v1/predict/digits", {}, 401),
    ]:
        answer = await gateway.client.request(method, path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; frame-")
        assert "Strict-Transport-Security" not in answer.headers
        assert "Server" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_docs_page_may_show_itself_and_its_files_may_be_kept(gateway: Gateway) -> None:
    page = await gateway.client.get("/docs")
    assert "script-src 'self' 'unsafe-inline'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Frame-Options"] == "DENY"
    for asset in re.findall(r'(?:src|href)="(/static[^"]+)"', page.text):
        answer = await gateway.client.get(asset)
        assert answer.status_code == 200
        assert "Cache-Control" not in answer.headers
        assert answer.headers["ETag"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_pages_of_other_origins_get_in_only_where_they_are_listed(
    gateway: Gateway, start_gateway: StartGateway
) -> None:
    ask = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key,content-type",
    }
    closed = await gateway.client.options("/v1/predict/digits", headers=ask)
    assert closed.status_code == 405
    open_to_one = await start_gateway(cors_origins=("https://a.example",))
    allowed = await open_to_one.client.options("/v1/predict/digits", headers=ask)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert "x-api-key" in allowed.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    assert allowed.headers["X-Request-Id"]
    refused = await open_to_one.client.post("/v1/predict/digits", headers={"Origin": ask["Origin"]})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "https://a.example"
    readable = refused.headers["Access-Control-Expose-Headers"]
    assert {"X-Request-Id", "Server-Timing", "Retry-After"} <= set(readable.split(", "))
    other = await open_to_one.client.get("/healthz", headers={"Origin": "https://b.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


@asynccontextmanager
async def _with_a_route_that_breaks(settings: GatewaySettings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)

    @app.get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("/home/someone/secret.py broke at 0xdeadbeef")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield client


async def test_a_handler_that_raises_tells_nothing_and_is_as_strict_as_the_others(
    settings: GatewaySettings,
) -> None:
    async with _with_a_route_that_breaks(settings) as client:
        for accept in ("*/*", "application/problem+json"):
            answer = await client.get("/breaks", headers={"Accept": accept})
            assert answer.status_code == 500
            assert "internal_error" in answer.text
            assert not _INSIDES.search(answer.text)
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert len(answer.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize("code", list(grpc.StatusCode))
async def test_what_triton_says_of_its_files_stays_inside(
    triton: FakeTriton, gateway: Gateway, code: grpc.StatusCode
) -> None:
    if code is grpc.StatusCode.OK:
        return
    triton.refusal = (code, 'File "/opt/tritonserver/backends/x/model.py", line 7, at 0x7fffffffff')
    answer = await gateway.client.post("/v1/predict/digits", content=b"7", headers=gateway.ui)
    assert answer.status_code >= 500
    assert not _INSIDES.search(answer.text)


async def test_no_refusal_of_a_value_tells_of_our_insides(gateway: Gateway) -> None:
    for query in ("top_k=x", "top_k=0", "top_k=99999999999999999999", "top_k="):
        path = f"/v1/predict/digits?{query}"
        answer = await gateway.client.post(path, content=b"7", headers=gateway.ui)
        assert answer.status_code == 400
        assert not _INSIDES.search(answer.text)
    for body in (b"", b"{", b'{"name": 7}', b'{"name": "a", "scopes": ["root"]}', b"[" * 9999):
        answer = await gateway.client.post("/v1/admin/keys", content=body, headers=gateway.admin)
        assert answer.status_code == 400
        assert not _INSIDES.search(answer.text)
