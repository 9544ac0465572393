"""A second port that answers /metrics without a key, and nothing else."""

from __future__ import annotations

import httpx

from tests.unit.gateway.raw_connection import RawConnection, connected
from tests.unit.gateway.running_gateway import Gateway, StartGateway
from triptych.stack.ports import free_ports


async def test_metrics_are_on_their_own_port_without_a_key_and_on_the_first_with_one(
    serve_gateway: StartGateway,
) -> None:
    (port,) = free_ports(1)
    gateway = await serve_gateway(metrics_port=port)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as own:
        answer = await own.get("/metrics")
        assert answer.status_code == 200
        assert "triptych_gateway_ready 1.0" in answer.text
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        for method, path in [("POST", "/metrics"), ("GET", "/healthz"), ("GET", "/v1/routes")]:
            assert (await own.request(method, path)).status_code == 404
        assert (await own.head("/metrics")).status_code == 200
    assert (await gateway.client.get("/metrics")).status_code == 401
    assert (await gateway.client.get("/metrics", headers=gateway.admin)).status_code == 200


async def test_the_second_port_is_guarded_like_the_first_and_ends_with_the_gateway(
    serve_gateway: StartGateway,
) -> None:
    (port,) = free_ports(1)
    gateway = await serve_gateway(metrics_port=port, header_seconds=0.2)
    async with connected(Gateway(gateway.client, gateway.state_dir, port)) as connection:
        await _is_refused(connection)
    async with connected(Gateway(gateway.client, gateway.state_dir, port)) as silent:
        assert await silent.rest() == b""


async def _is_refused(connection: RawConnection) -> None:
    connection.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
    assert (await connection.answer()).code == "malformed_request"


async def test_without_the_setting_there_is_no_second_port(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    assert (await gateway.client.get("/metrics")).status_code == 401
