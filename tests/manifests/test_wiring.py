"""What names something else finds it: addresses, ports, folders, accounts, secrets."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pytest

from gateway.settings import GatewaySettings
from tests.manifests.rendered import (
    NAME,
    OVERLAYS,
    Manifest,
    containers,
    main_container,
    of_kind,
    plain_environment,
    pods,
)
from triptych.stack.settings import StackSettings
from ui.settings import UiSettings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - a pod's own network; NetworkPolicies say who may come

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


def told(overlay: str, name: str, prefix: str) -> dict[str, str]:
    given = plain_environment(overlay, main_container(overlay, name))
    return {
        key.removeprefix(prefix).lower(): it for key, it in given.items() if key.startswith(prefix)
    }


def ports(container: Manifest) -> dict[str, int]:
    return {it["name"]: it["containerPort"] for it in container.get("ports", [])}


def mounts(container: Manifest) -> set[str]:
    return {it["mountPath"] for it in container["volumeMounts"]}


def reached(overlay: str, host: str, port: int | None) -> tuple[str, str]:
    """Whose pods, and which of their ports, a Service's name and port mean."""
    service = of_kind(overlay, "Service")[host]["spec"]
    (target,) = [it["targetPort"] for it in service["ports"] if it["port"] == port]
    return service["selector"][NAME], target


def gateway_settings(overlay: str) -> GatewaySettings:
    return GatewaySettings.model_validate(told(overlay, "gateway", "GATEWAY_"))


def triton_settings(overlay: str) -> StackSettings:
    """But for its certificates, which are not here."""
    given = told(overlay, "triton", "TRIPTYCH_")
    return StackSettings.model_validate({k: it for k, it in given.items() if "_tls_" not in k})


def ui_settings(overlay: str) -> UiSettings:
    return UiSettings.from_environment(plain_environment(overlay, main_container(overlay, "ui")))


def test_every_process_listens_where_its_pod_says(overlay: str) -> None:
    gateway, triton = gateway_settings(overlay), triton_settings(overlay)

    hosts = {gateway.host, gateway.metrics_host, triton.triton_host, triton.supervisor_host}
    assert hosts == {EVERYWHERE}
    assert ports(main_container(overlay, "gateway")) == {
        "http": gateway.port,
        "metrics": gateway.metrics_port,
    }
    assert ports(main_container(overlay, "triton")) == {
        "grpc": triton.triton_grpc_port,
        "metrics": triton.triton_metrics_port,
        "supervisor": triton.supervisor_port,
    }


def test_every_address_is_that_of_a_service_before_the_right_port(overlay: str) -> None:
    gateway = gateway_settings(overlay)
    (grpc,), (supervisor,) = gateway.triton_urls, gateway.supervisor_urls
    host, _, port = grpc.removeprefix("dns:///").partition(":")
    asked = urlsplit(supervisor)
    page = urlsplit(ui_settings(overlay).gateway_url)

    assert grpc.startswith("dns:///")
    assert reached(overlay, host, int(port)) == ("triton", "grpc")
    assert reached(overlay, str(asked.hostname), asked.port) == ("triton", "supervisor")
    assert reached(overlay, str(page.hostname), page.port) == ("gateway", "http")


def test_the_gateway_hears_of_a_triton_that_is_not_ready(overlay: str) -> None:
    assert of_kind(overlay, "Service")["triton"]["spec"]["publishNotReadyAddresses"] is True
    direct = of_kind(overlay, "Service").get("triton-direct", {"spec": {}})["spec"]
    assert "publishNotReadyAddresses" not in direct  # a direct client asks no supervisor


def test_services_lead_to_ports_that_pods_have_by_name(overlay: str) -> None:
    for service in of_kind(overlay, "Service").values():
        there = ports(main_container(overlay, service["spec"]["selector"][NAME]))
        for port in service["spec"]["ports"]:
            assert port["name"] == port["targetPort"]
            assert port["port"] == there[port["targetPort"]]
    for monitor in of_kind(overlay, "ServiceMonitor").values():
        assert {it["path"] for it in monitor["spec"]["endpoints"]} == {"/metrics"}


def test_folders_that_settings_name_are_mounted(overlay: str) -> None:
    gateway, triton = gateway_settings(overlay), triton_settings(overlay)
    key_file = ui_settings(overlay).api_key_file

    for name in ("gateway", "worker"):
        assert str(gateway.state_dir) in mounts(main_container(overlay, name))
    assert {str(triton.state_dir), str(triton.model_repository)} <= mounts(
        main_container(overlay, "triton")
    )
    assert key_file is not None
    assert str(key_file.parent) in mounts(main_container(overlay, "ui"))
    for name in pods(overlay):
        assert "/tmp" in mounts(main_container(overlay, name)), name  # noqa: S108 - their HOME


def test_init_containers_put_things_where_they_are_looked_for(overlay: str) -> None:
    (keys,) = [it for it in containers(pods(overlay)["gateway"]) if it["name"] == "first-keys"]
    target, files = Path(keys["command"][-1]), [PurePosixPath(it) for it in keys["args"]]
    (secret,) = [
        it
        for it in of_kind(overlay, "ExternalSecret").values()
        if "first" in it["spec"]["target"]["name"]
    ]

    assert target == gateway_settings(overlay).state_dir
    assert {it.name for it in files} == {it["secretKey"] for it in secret["spec"]["data"]}
    assert {str(target), *(str(it.parent) for it in files)} == mounts(keys)
    for fetch in pods(overlay)["triton"]["spec"].get("initContainers", []):
        assert fetch["args"][-1] == str(triton_settings(overlay).model_repository)
        assert fetch["args"][-1] in mounts(fetch)


def test_who_reads_a_secret_from_a_volume_is_of_its_group(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        for volume in pod["spec"]["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440, name
                assert pod["spec"]["securityContext"]["fsGroup"] > 0, name


def test_accounts_stores_and_constraints_mean_what_there_is(overlay: str) -> None:
    accounts = of_kind(overlay, "ServiceAccount")
    assert not any(it["automountServiceAccountToken"] for it in accounts.values())
    for name, pod in pods(overlay).items():
        assert pod["spec"]["serviceAccountName"] in accounts, name
        for spread in pod["spec"].get("topologySpreadConstraints", []):
            wanted = spread["labelSelector"]["matchLabels"].items()
            assert wanted <= pod["metadata"]["labels"].items(), name
    for secret in of_kind(overlay, "ExternalSecret").values():
        store = {"kind": "ClusterSecretStore", "name": "triptych"}  # as docs/kubernetes.md has it
        assert secret["spec"]["secretStoreRef"] == store


def test_a_node_can_always_be_drained_and_a_rollout_goes_on(overlay: str) -> None:
    for name, budget in of_kind(overlay, "PodDisruptionBudget").items():
        assert budget["spec"]["maxUnavailable"] >= 1, name
        # Else pods that never came up would hold a node that is to be drained.
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow", name
    for name, deployment in of_kind(overlay, "Deployment").items():
        rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate", {"maxSurge": 1})
        assert rolling.get("maxSurge") or rolling.get("maxUnavailable"), name


def test_an_old_triton_stays_until_a_new_one_has_what_routes_name(overlay: str) -> None:
    """Ready means with the first release of each name; the worker looks every two seconds."""
    triton = of_kind(overlay, "Deployment")["triton"]["spec"]

    assert triton["minReadySeconds"] >= 20


def test_alerts_take_nobody_elses_job_for_ours(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    (alerts,) = of_kind(overlay, "PrometheusRule").values()
    rules = [rule["expr"] for group in alerts["spec"]["groups"] for rule in group["rules"]]
    told = [part for rule in rules for part in re.findall(r"\bup\{[^}]*\}", rule)]

    assert told
    assert all(f'namespace="{namespace}"' in it for it in told)


def test_the_namespace_is_the_one_that_queries_ask_about(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    (scaled,) = of_kind(overlay, "ScaledObject").values()
    (enforced,) = [it["metadata"]["labels"] for it in of_kind(overlay, "Namespace").values()]

    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"
    for trigger in scaled["spec"]["triggers"]:
        assert f'namespace="{namespace}"' in trigger["metadata"]["query"]
    (gateways,) = of_kind(overlay, "HorizontalPodAutoscaler").values()
    assert gateways["spec"]["minReplicas"] >= 2
    assert scaled["spec"]["minReplicaCount"] >= 2
