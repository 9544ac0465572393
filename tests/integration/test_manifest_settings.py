"""What pods of deploy/kubernetes are told, told to processes here: they work and end in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests import pictures
from tests.certificates import Authority, as_settings
from tests.gateway_process import gateway_process
from tests.integration.supervised_triton import PROJECT, Supervised, supervised
from tests.manifests.rendered import (
    containers,
    main_container,
    plain_environment,
    pods,
    seconds_before_the_end,
)
from triptych.stack.ports import free_ports

SECRET: Final = "what the store holds"
# The overlay that asks for most: everybody comes to Triton by mutual TLS.
OVERLAY: Final = "direct"
_OF_THIS_MACHINE: Final = ("_port", "_dir", "model_repository", "_file")


@dataclass(frozen=True)
class Rehearsal:
    """A Triton as its pod would run it, and what its gateway would be told."""

    triton: Supervised
    gateway_settings: dict[str, str]
    environment: dict[str, str]


def told(name: str, prefix: str) -> dict[str, str]:
    """The settings of a pod; paths and ports are this machine's to say."""
    given = plain_environment(OVERLAY, main_container(OVERLAY, name))
    settings = {key.removeprefix(prefix).lower(): value for key, value in given.items()}
    return {key: it for key, it in settings.items() if not key.endswith(_OF_THIS_MACHINE)}


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    folder = tmp_path_factory.mktemp("pods")
    authority = Authority(folder / "tls")
    ours = as_settings("triton_tls", authority.issue("triton"))
    theirs = as_settings("triton_tls", authority.issue("gateway"))
    wanted = {**told("triton", "TRIPTYCH_"), **ours, "supervisor_secret": SECRET}
    (metrics_port,) = free_ports(1)
    with supervised(folder, PROJECT / "model_repository", **wanted) as triton:
        port = triton.grpc.rpartition(":")[2]
        told_gateway = told("gateway", "GATEWAY_")
        assert told_gateway["triton_urls"] == "dns:///triton:8001"
        gateway = {
            **told_gateway,
            **theirs,
            "triton_urls": f"dns:///127.0.0.1:{port}",
            "supervisor_urls": triton.url,
            "supervisor_secret": SECRET,
            "metrics_port": str(metrics_port),
            "database_url": f"sqlite+aiosqlite:///{folder / 'shared.db'}",
        }
        environment = {
            "TRIPTYCH_SUPERVISOR_PORT": triton.url.rpartition(":")[2],
            "TRIPTYCH_SUPERVISOR_SECRET": SECRET,
        }
        yield Rehearsal(triton, gateway, environment)


def status(rehearsal: Rehearsal) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {SECRET}"}
    answer = httpx.get(f"{rehearsal.triton.url}/status", headers=headers, trust_env=False)
    return dict(answer.json())


def test_gateways_with_the_same_first_keys_classify_and_make_no_others(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    first, second = tmp_path / "first-keys", tmp_path / "pod"
    second.mkdir()
    with gateway_process(first, tmp_path / "first.log", **rehearsal.gateway_settings) as gateway:
        gateway.wait_until_it_answers()
        admin = gateway.admin
    (init,) = [it for it in containers(pods(OVERLAY)["gateway"]) if it["name"] == "first-keys"]
    places = {"/run/secrets/triptych": str(first), "/var/lib/triptych": str(second)}
    command = [*init["command"], *init["args"]]
    for place, here in places.items():
        command = [part.replace(place, here) for part in command]
    for file in first.glob("*.*"):
        file.chmod(0o440)  # as Kubernetes shows it to a group
    subprocess.run(command, check=True)

    with gateway_process(second, tmp_path / "second.log", **rehearsal.gateway_settings) as gateway:
        gateway.wait_until_it_answers()
        url = f"{gateway.url}/v1/predict/digits"
        headers = {**admin, "Content-Type": "image/jpeg"}
        answer = httpx.post(url, content=pictures.seven_jpeg(), headers=headers, trust_env=False)
        keys = httpx.get(f"{gateway.url}/v1/admin/keys", headers=admin, trust_env=False).json()

    assert answer.json()["predictions"][0]["label"] == "7", answer.text
    assert sorted(key["name"] for key in keys["keys"]) == ["admin", "ui"]


def test_the_prestop_drains_and_the_pod_ends_within_its_grace(rehearsal: Rehearsal) -> None:
    container = main_container(OVERLAY, "triton")
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    grace = pods(OVERLAY)["triton"]["spec"]["terminationGracePeriodSeconds"]
    began = time.monotonic()

    pre_stop = subprocess.Popen(
        [sys.executable, "-m", *command], env={**os.environ, **rehearsal.environment}, cwd=PROJECT
    )
    while status(rehearsal)["phase"] != "draining":
        assert time.monotonic() - began < seconds_before_the_end(container)
        time.sleep(0.05)
    assert pre_stop.wait(30) == 0
    assert time.monotonic() - began >= seconds_before_the_end(container)
    rehearsal.triton.process.send_signal(signal.SIGTERM)

    assert rehearsal.triton.process.wait(grace) == 0
    assert time.monotonic() - began < grace
