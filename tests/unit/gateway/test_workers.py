"""What workers share: sockets, limits, a folder of metrics; and when they are started again."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.errors import StartRefused
from gateway.process.listening import inherited, listen
from gateway.process.shared_metrics import forget_gauges, metrics_folder
from gateway.settings import GatewaySettings
from triptych.stack.ports import free_ports


def test_each_worker_takes_its_share_and_the_largest_body_still_fits() -> None:
    settings = GatewaySettings(workers=4)
    mine = settings.of_one_worker()
    assert (mine.max_admitted, mine.max_in_flight, mine.max_connections) == (128, 64, 500)
    assert mine.max_admitted_bytes == 150 * 1024 * 1024  # two thirds of it are one key's
    assert GatewaySettings().of_one_worker() == GatewaySettings()
    assert GatewaySettings(workers=64, max_in_flight=3).of_one_worker().max_in_flight == 1


def test_a_name_with_several_addresses_is_listened_to_on_all_and_can_be_handed_on() -> None:
    (port,) = free_ports(1)
    listeners = listen("127.0.0.1", port, "GATEWAY_PORT")
    try:
        with pytest.raises(StartRefused, match=f"cannot listen on 127.0.0.1:{port} .*GATEWAY_PORT"):
            listen("127.0.0.1", port, "GATEWAY_PORT")
        (again,) = inherited(str(listeners[0].fileno()))
        assert (again.getsockname(), again.proto) == (("127.0.0.1", port), socket.IPPROTO_TCP)
        again.detach()
    finally:
        for listener in listeners:
            listener.close()
    assert inherited("") == []


def test_a_host_that_is_none_is_refused_in_one_sentence() -> None:
    with pytest.raises(StartRefused, match="cannot listen on no such host:1 "):
        listen("no such host", 1, "GATEWAY_PORT")


def test_the_folder_of_metrics_is_new_at_each_start_and_no_other_gateways(tmp_path: Path) -> None:
    (tmp_path / "gateway-metrics-killed").mkdir()
    with metrics_folder(tmp_path) as first, metrics_folder(tmp_path) as second:
        assert sorted(tmp_path.iterdir()) == sorted([first, second])
        for name in ("gauge_livesum_7.db", "gauge_livesum_8.db", "counter_7.db"):
            (first / name).touch()
        forget_gauges(first, 7)
        assert {it.name for it in first.iterdir()} == {"gauge_livesum_8.db", "counter_7.db"}
    assert list(tmp_path.iterdir()) == []
