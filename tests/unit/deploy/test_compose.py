from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.jobs.runner.chunk_work import CALL_SECONDS

DEPLOY: Final = Path(__file__).resolve().parents[3] / "deploy"
TRITONS: Final = ("triton", "triton-gpu")
# What runs to its end at each start.
ONCE: Final = ("first-secrets", "ui-key")
# Nobody asks them anything.
WITHOUT_HEALTH: Final = {*ONCE, "worker"}
# Ours ask for their health in their Dockerfiles.
OUR_IMAGES: Final = ("triptych-triton:", "triptych-gateway:", "triptych-ui:")

Service = dict[str, Any]


@cache
def compose(name: str = "compose.yaml") -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, Service]:
    found: dict[str, Service] = compose()["services"]
    return found


def volumes(service: Service) -> dict[str, str]:
    """Volume or folder -> where it is mounted."""
    return dict(it.split(":")[:2] for it in service.get("volumes", []))


def who_mounts(volume: str) -> set[str]:
    return {name for name, it in services().items() if volume in volumes(it)}


def test_every_service_of_the_issue_is_there() -> None:
    wanted = {"gateway", "ui", "worker", "postgres", "redis", "prometheus", "grafana"}

    assert {*wanted, *TRITONS, "alertmanager"} <= set(services())


@pytest.mark.parametrize("name", services())
def test_a_service_has_no_right_that_it_does_not_need(name: str) -> None:
    service = services()[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "devices", "userns_mode"} & set(service)


@pytest.mark.parametrize("name", services())
def test_a_service_is_not_root(name: str) -> None:
    service = services()[name]
    if name == "first-secrets":  # new volumes are root's; it has no capability and no network
        assert service["network_mode"] == "none"
        return
    is_ours = service["image"].startswith(OUR_IMAGES)  # whose Dockerfiles name a user

    assert is_ours or int(service["user"].split(":")[0]) > 0


@pytest.mark.parametrize("name", services())
def test_a_service_has_limits(name: str) -> None:
    limits = services()[name]["deploy"]["resources"]["limits"]

    assert {"cpus", "memory", "pids"} <= set(limits)


def test_only_what_people_open_is_published_and_only_on_the_chosen_address() -> None:
    published = {name: it["ports"] for name, it in services().items() if "ports" in it}

    assert set(published) == {"gateway", "ui", "grafana"}
    assert all(it.startswith("${PUBLISH_ADDRESS}:") for it in chain(*published.values()))
    assert "PUBLISH_ADDRESS=127.0.0.1" in (DEPLOY / ".env").read_text(encoding="utf-8").split()


def test_nothing_outside_reaches_triton_and_the_stores() -> None:
    internal = {name for name, it in compose()["networks"].items() if it.get("internal")}

    for name in (*TRITONS, "postgres", "redis"):
        assert set(services()[name]["networks"]) <= internal, name
    assert internal == set(compose()["networks"]) - {"outside"}


def test_the_worker_gets_out_to_webhooks_and_nobody_in_to_it() -> None:
    worker = services()["worker"]

    assert set(worker["networks"]) == {"outside", "triton", "stores"}
    assert not {"ports", "expose"} & set(worker)


def test_the_worker_has_what_the_gateway_has_for_jobs() -> None:
    """Items of jobs, and the secret that signs webhooks, lie in the state folder by default."""
    gateway, worker = services()["gateway"], services()["worker"]

    assert volumes(worker) == volumes(gateway)
    assert volumes(gateway)["gateway-state"] == "/var/lib/triptych"
    assert worker["environment"].items() <= gateway["environment"].items()
    assert worker["depends_on"] == {"gateway": {"condition": "service_healthy"}}  # made by then


def test_a_job_has_a_core_to_itself_and_time_to_end_a_call() -> None:
    worker = services()["worker"]

    assert float(worker["deploy"]["resources"]["limits"]["cpus"]) >= 1
    assert int(worker["stop_grace_period"].removesuffix("s")) >= CALL_SECONDS + 10


def test_only_those_who_ask_triton_are_on_its_network() -> None:
    on_it = {name for name, it in services().items() if "triton" in it.get("networks", ())}

    assert on_it == {*TRITONS, "gateway", "worker", "prometheus"}


def test_both_tritons_have_the_name_that_the_others_ask_for_and_one_profile_each() -> None:
    assert [services()[name]["profiles"] for name in TRITONS] == [["cpu"], ["gpu"]]
    for name in TRITONS:
        assert services()[name]["networks"]["triton"]["aliases"] == ["triton"]
    assert "COMPOSE_PROFILES=cpu" in (DEPLOY / ".env").read_text(encoding="utf-8").split()
    reserved = services()["triton-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert reserved[0]["capabilities"] == ["gpu"]


def test_tensors_have_room_in_shared_memory() -> None:
    assert [services()[name]["shm_size"] for name in TRITONS] == ["1gb", "4gb"]


def test_no_secret_stands_in_the_file() -> None:
    for name, service in services().items():
        for variable, value in service.get("environment", {}).items():
            is_secret = re.search(r"PASSWORD|SECRET|DATABASE_URL|REDIS_URL|API_KEY", variable)
            assert not is_secret or value.startswith("/run/secrets/"), (name, variable)


def test_a_secret_is_mounted_by_those_who_need_it_read_only() -> None:
    assert who_mounts("secrets") == {"first-secrets"}
    for volume in (name for name in compose()["volumes"] if name.endswith("-secrets")):
        users = who_mounts(volume) - {"first-secrets"}
        assert all(it.startswith(volume.split("-")[0]) or it == "worker" for it in users)
        for user in users:
            assert f"{volume}:/run/secrets:ro" in services()[user]["volumes"]
    assert "gateway-state" not in volumes(services()["ui"])


def test_who_is_waited_for_tells_when_it_is_ready() -> None:
    for name, service in services().items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how["condition"] == wanted, (name, other)
            is_ours = services()[other]["image"].startswith(OUR_IMAGES)
            assert other in WITHOUT_HEALTH or is_ours or "healthcheck" in services()[other]


def test_the_gateway_does_not_wait_for_triton() -> None:
    assert not set(services()["gateway"]["depends_on"]) & set(TRITONS)


@pytest.mark.parametrize("name", services())
def test_every_image_has_a_version(name: str) -> None:
    _, _, tag = services()[name]["image"].rpartition(":")

    assert tag == "${TRIPTYCH_VERSION}" or re.match(r"v?\d+\.\d+", tag)


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = {it for service in services().values() for it in volumes(service)}

    for path in (it for it in mounted if it.startswith(".")):
        assert (DEPLOY / path).exists(), path


def test_every_volume_and_network_that_is_used_is_declared() -> None:
    used = {it for service in services().values() for it in volumes(service)}
    named = {it for it in used if not it.startswith(".")}

    assert named == set(compose()["volumes"])
    networks = set(chain.from_iterable(it.get("networks", ()) for it in services().values()))
    assert networks == set(compose()["networks"])


def test_direct_clients_come_by_mutual_tls_and_so_does_everybody_else() -> None:
    direct = compose("compose.direct.yaml")["services"]
    plain = {name for name in services() if name in {*TRITONS, "gateway", "worker"}}

    assert set(direct) == plain
    for name, service in direct.items():
        prefix = "TRIPTYCH" if name in TRITONS else "GATEWAY"
        files = {f"{prefix}_TRITON_TLS_{it}_FILE" for it in ("CA", "CERT", "KEY")}
        assert files < set(service["environment"])
        assert ("ports" in service) == (name in TRITONS)
