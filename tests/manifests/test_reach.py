"""Who reaches whom: Services, NetworkPolicies, what is scraped, what is scaled by."""

from __future__ import annotations

import re
from typing import Final

import pytest

from benchmarks.capacity_scenarios import POLL_SECONDS, THRESHOLD
from tests.manifests.network import Peer, may_enter, may_leave
from tests.manifests.rendered import NAME, OVERLAYS, main_container, of_kind, pods
from tests.rules.test_documentation_in_step import documented

GRPC, METRICS, SUPERVISOR = 8001, 8002, 8003
TRITON: Final = {NAME: "triton"}
ANYBODY: Final = Peer({"app": "anything"}, {"kubernetes.io/metadata.name": "elsewhere"})
ENTRANCE: Final = Peer({}, {"triptych/entrance": "true"})
MONITORING: Final = Peer({}, {"triptych/monitoring": "true"})
STORES: Final = Peer({}, {"triptych/stores": "true"})
SOMEWHERE: Final = Peer({}, address="93.184.215.14")
DIRECT: Final = Peer({"triptych/direct-client": "true"}, {"triptych/direct-clients": "true"})
DNS: Final = Peer({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"})
METRIC: Final = re.compile(r"\b((?:triptych|nv)_\w+)")
OF_HISTOGRAMS: Final = re.compile(r"_(sum|count|bucket)$")

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def labels(overlay: str, name: str) -> dict[str, str]:
    return dict(pods(overlay)[name]["metadata"]["labels"])


@every_overlay
def test_no_port_of_triton_stands_in_a_public_service(overlay: str) -> None:
    for name, service in of_kind(overlay, "Service").items():
        spec = service["spec"]
        assert spec.get("type", "ClusterIP") == "ClusterIP", name
        assert "externalIPs" not in spec, name
        if spec["selector"] == TRITON:
            assert spec["clusterIP"] == "None", name
        else:
            ports = {it["port"] for it in spec["ports"]}
            assert not ports & {8000, GRPC, METRICS, SUPERVISOR}, name
    assert not of_kind(overlay, "Ingress")


@every_overlay
def test_triton_is_reached_by_gateway_and_worker_and_by_nobody_else(overlay: str) -> None:
    for name in ("gateway", "worker"):
        ours = Peer(labels(overlay, name))
        assert may_enter(overlay, ours, TRITON, GRPC)
        assert may_enter(overlay, ours, TRITON, SUPERVISOR)
        assert may_leave(overlay, ours.labels, Peer(TRITON), GRPC)
        assert may_leave(overlay, ours.labels, Peer(TRITON), SUPERVISOR)
        assert may_leave(overlay, ours.labels, STORES, 5432)
    for stranger in (ANYBODY, ENTRANCE, STORES, MONITORING, Peer(labels(overlay, "ui"))):
        assert not may_enter(overlay, stranger, TRITON, GRPC)
    for stranger in (ANYBODY, ENTRANCE, STORES, DIRECT, Peer(labels(overlay, "ui"))):
        assert not may_enter(overlay, stranger, TRITON, SUPERVISOR)
    assert may_enter(overlay, MONITORING, TRITON, METRICS)
    assert may_enter(overlay, MONITORING, TRITON, SUPERVISOR)


@every_overlay
def test_labelled_pods_reach_tritons_grpc_only_where_direct_clients_were_chosen(
    overlay: str,
) -> None:
    assert may_enter(overlay, DIRECT, TRITON, GRPC) is (overlay == "direct")
    only_pod, only_namespace = Peer(DIRECT.labels, {"a": "b"}), Peer({}, DIRECT.namespace)
    for half in (only_pod, only_namespace, Peer(DIRECT.labels)):
        assert not may_enter(overlay, half, TRITON, GRPC)
    for port in (METRICS, SUPERVISOR):
        assert not may_enter(overlay, DIRECT, TRITON, port)
    gateway = labels(overlay, "gateway")  # which tells them the route
    assert may_enter(overlay, DIRECT, gateway, 8080) is (overlay == "direct")


@every_overlay
def test_people_come_in_by_gateway_and_ui_alone(overlay: str) -> None:
    gateway, ui = labels(overlay, "gateway"), labels(overlay, "ui")
    assert may_enter(overlay, ENTRANCE, gateway, 8080)
    assert may_enter(overlay, ENTRANCE, ui, 8501)
    assert may_enter(overlay, Peer(ui), gateway, 8080)
    assert may_leave(overlay, ui, Peer(gateway), 8080)
    assert may_enter(overlay, MONITORING, gateway, 9090)
    assert not may_enter(overlay, ENTRANCE, gateway, 9090)
    assert not may_enter(overlay, ENTRANCE, labels(overlay, "worker"), 8080)
    for target in (gateway, ui):
        assert not may_enter(overlay, ANYBODY, target, 8080)


@every_overlay
def test_nobody_gets_out_but_to_names_and_to_whom_they_need(overlay: str) -> None:
    for name in pods(overlay):
        assert may_leave(overlay, labels(overlay, name), DNS, 53), name
        fetches = overlay == "object-storage" and name == "triton"
        assert may_leave(overlay, labels(overlay, name), ANYBODY, 443) is fetches, name
        goes_out = fetches or name in {"gateway", "worker"}  # tests/manifests/test_jobs.py
        assert may_leave(overlay, labels(overlay, name), SOMEWHERE, 443) is goes_out, name
    for port in (5432, 6379, GRPC, 8080):
        assert not may_leave(overlay, TRITON, STORES, port)
    assert not may_leave(overlay, labels(overlay, "ui"), Peer(TRITON), GRPC)


@every_overlay
def test_what_is_scraped_is_a_port_of_a_service(overlay: str) -> None:
    services = of_kind(overlay, "Service").values()
    for monitor in of_kind(overlay, "ServiceMonitor").values():
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [it for it in services if wanted <= it["metadata"]["labels"].items()]
        ports = {it["name"] for it in service["spec"]["ports"]}
        assert {it["port"] for it in monitor["spec"]["endpoints"]} <= ports


@every_overlay
def test_triton_is_scaled_by_metrics_that_there_are(overlay: str) -> None:
    known = set(documented("observability.md"))
    (scaled,) = of_kind(overlay, "ScaledObject").values()
    queries = [it["metadata"]["query"] for it in scaled["spec"]["triggers"]]
    found = {OF_HISTOGRAMS.sub("", name) for query in queries for name in METRIC.findall(query)}

    # Triton's own is among them, for direct clients pass no gateway.
    assert {it for it in found if not it.startswith("nv_")} == known & found
    assert found == {
        "triptych_gateway_triton_calls",
        "triptych_gateway_queue_duration_seconds",
        "nv_inference_queue_duration_us",
    }


def test_the_capacity_page_simulates_the_autoscaler_that_is_deployed() -> None:
    (scaled,) = of_kind("cpu", "ScaledObject").values()
    thresholds = {it["name"]: it["metadata"]["threshold"] for it in scaled["spec"]["triggers"]}

    assert float(thresholds["in-flight"]) == THRESHOLD
    assert scaled["spec"]["pollingInterval"] == POLL_SECONDS


@every_overlay
def test_every_budget_and_service_selects_pods_that_there_are(overlay: str) -> None:
    found = [pod["metadata"]["labels"].items() for pod in pods(overlay).values()]
    budgets = of_kind(overlay, "PodDisruptionBudget")
    for selector in (
        *(it["spec"]["selector"]["matchLabels"] for it in budgets.values()),
        *(it["spec"]["selector"] for it in of_kind(overlay, "Service").values()),
    ):
        assert [labels for labels in found if selector.items() <= labels]
    assert set(budgets) == {"triton", "gateway", "worker"}


def test_direct_clients_come_by_mutual_tls_and_so_do_gateway_and_worker() -> None:
    (config,) = [it for name, it in of_kind("direct", "ConfigMap").items() if "triton" in name]
    wanted = {f"TRIPTYCH_TRITON_TLS_{it}" for it in ("CA_FILE", "CERT_FILE", "KEY_FILE", "NAME")}
    assert wanted <= set(config["data"])
    for name, secret in (
        ("triton", "triton-tls"),
        ("gateway", "gateway-triton-tls"),
        ("worker", "gateway-triton-tls"),
    ):
        volumes = {it["name"]: it for it in pods("direct")[name]["spec"]["volumes"]}
        (mount,) = [
            it for it in main_container("direct", name)["volumeMounts"] if it["name"] == "tls"
        ]
        assert volumes["tls"]["secret"]["secretName"] == secret
        assert mount["mountPath"] == "/run/secrets/triton-tls"
        assert mount["readOnly"] is True
    for overlay in ("cpu", "gpu"):
        told = [it["data"] for it in of_kind(overlay, "ConfigMap").values()]
        assert not [name for data in told for name in data if "_TLS_" in name]
