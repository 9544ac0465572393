"""What every pod promises: bounds, no rights, an end in order, settings that exist."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from gateway.settings import GatewaySettings
from tests.manifests.rendered import (
    OVERLAYS,
    Manifest,
    containers,
    keys_of_secrets,
    main_container,
    of_kind,
    plain_environment,
    pods,
    seconds_before_the_end,
    secret_environment,
    whole_secrets,
)
from tests.rules.test_documentation_in_step import settings_with_defaults
from triptych.stack.settings import StackSettings
from triptych.stack.triton_install import TritonInstall
from triptych.stack.triton_process import triton_command

SUPERVISOR, GATEWAY = "supervisor", "http"
_FILES = "_file"

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


def told(overlay: str, name: str) -> dict[str, str]:
    return plain_environment(overlay, main_container(overlay, name))


def stack_settings(overlay: str, folder: Path) -> StackSettings:
    """As the supervisor reads them; its files stand in `folder` here."""
    given = {
        name.removeprefix("TRIPTYCH_").lower(): value
        for name, value in told(overlay, "triton").items()
    }
    for name in [it for it in given if it.endswith(_FILES)]:
        given[name] = str(folder / name)
        (folder / name).touch()
    return StackSettings.model_validate(given)


def test_every_container_has_bounds_and_no_rights(overlay: str) -> None:
    for pod in pods(overlay).values():
        for container in containers(pod):
            resources, security = container["resources"], container["securityContext"]
            assert {"cpu", "memory"} <= set(resources["limits"]), container["name"]
            assert {"cpu", "memory"} <= set(resources["requests"]), container["name"]
            assert security["readOnlyRootFilesystem"] is True, container["name"]
            assert security["allowPrivilegeEscalation"] is False, container["name"]
            assert security["capabilities"] == {"drop": ["ALL"]}, container["name"]


def test_no_pod_is_root_has_a_token_or_shares_the_node(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        for container in containers(pod):
            assert all("hostPort" not in port for port in container.get("ports", [])), name


def test_stubs_of_a_triton_that_was_killed_stay_no_zombies(overlay: str) -> None:
    """As process 1 the supervisor gets them, five to seven each time, and buries none."""
    assert pods(overlay)["triton"]["spec"]["shareProcessNamespace"] is True


def test_no_service_sets_a_variable_that_is_a_setting_of_ours(overlay: str) -> None:
    """A Service named gateway would set GATEWAY_PORT=tcp://…, and the gateway would not start."""
    for name, pod in pods(overlay).items():
        assert pod["spec"]["enableServiceLinks"] is False, name


def test_every_variable_of_ours_is_a_setting_and_makes_sense(overlay: str, tmp_path: Path) -> None:
    known = set(settings_with_defaults()) | {"HOME"}
    for name in pods(overlay):
        container = main_container(overlay, name)
        given = {*plain_environment(overlay, container), *secret_environment(container)}
        assert given <= known, name
    stack_settings(overlay, tmp_path)
    GatewaySettings.model_validate(
        {
            name.removeprefix("GATEWAY_").lower(): value
            for name, value in told(overlay, "gateway").items()
        }
    )


def test_no_secret_stands_in_a_configmap(overlay: str) -> None:
    for config in of_kind(overlay, "ConfigMap").values():
        for name in config["data"]:
            assert not fnmatch(name, "*SECRET*"), name
            assert name not in {"GATEWAY_DATABASE_URL", "GATEWAY_REDIS_URL"}


def test_every_secret_that_a_pod_needs_comes_from_the_store(overlay: str) -> None:
    made = keys_of_secrets(overlay)
    for pod in pods(overlay).values():
        for container in containers(pod):
            for secret, key in secret_environment(container).values():
                assert key in made[secret]
            assert set(whole_secrets(container)) <= set(made), container["name"]
        for volume in pod["spec"]["volumes"]:
            for item in volume.get("secret", {}).get("items", []):
                assert item["key"] in made[volume["secret"]["secretName"]]
            assert "secret" not in volume or volume["secret"]["secretName"] in made


def test_every_mount_has_its_volume_and_every_volume_its_mount(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        mounted = {it["name"] for one in containers(pod) for it in one.get("volumeMounts", [])}
        assert mounted == {it["name"] for it in pod["spec"]["volumes"]}, name


def test_triton_has_shared_memory_of_its_own_inside_its_limit(overlay: str) -> None:
    pod = pods(overlay)["triton"]
    (shm,) = [it for it in pod["spec"]["volumes"] if it["name"] == "shm"]
    places = {
        it["name"]: it["mountPath"] for it in main_container(overlay, "triton")["volumeMounts"]
    }
    limit = main_container(overlay, "triton")["resources"]["limits"]["memory"]

    assert places["shm"] == "/dev/shm"  # noqa: S108 - where Triton looks
    assert shm["emptyDir"]["medium"] == "Memory"
    assert int(shm["emptyDir"]["sizeLimit"].removesuffix("Gi")) < int(limit.removesuffix("Gi"))


def test_the_prestop_of_triton_outlasts_the_drain_and_the_grace_all_of_it(
    overlay: str, tmp_path: Path
) -> None:
    settings = stack_settings(overlay, tmp_path)
    container = main_container(overlay, "triton")
    grace = pods(overlay)["triton"]["spec"]["terminationGracePeriodSeconds"]

    assert container["lifecycle"]["preStop"]["exec"]["command"][:2] == ["triptych", "drain"]
    assert seconds_before_the_end(container) > settings.drain_seconds
    assert grace > seconds_before_the_end(container) + settings.stop_seconds


def test_the_grace_of_the_gateway_outlasts_what_is_in_flight(overlay: str) -> None:
    grace = pods(overlay)["gateway"]["spec"]["terminationGracePeriodSeconds"]
    shutdown_seconds = float(told(overlay, "gateway")["GATEWAY_SHUTDOWN_SECONDS"])

    assert grace > seconds_before_the_end(main_container(overlay, "gateway")) + shutdown_seconds


def test_probes_of_triton_ask_the_supervisor_and_those_of_the_gateway_never_ask_of_triton(
    overlay: str,
) -> None:
    def probes(container: Manifest) -> dict[str, tuple[str, str]]:
        return {
            name: (
                container[f"{name}Probe"]["httpGet"]["path"],
                container[f"{name}Probe"]["httpGet"]["port"],
            )
            for name in ("startup", "liveness", "readiness")
        }

    assert probes(main_container(overlay, "triton")) == {
        "startup": ("/livez", SUPERVISOR),
        "liveness": ("/livez", SUPERVISOR),
        "readiness": ("/readyz", SUPERVISOR),
    }
    assert set(probes(main_container(overlay, "gateway")).values()) == {("/healthz", GATEWAY)}


def test_tritons_http_is_closed(overlay: str, tmp_path: Path) -> None:
    install = TritonInstall(Path("/bin/tritonserver"), Path("/backends"), "/lib")
    command = triton_command(install, Path("/view"), stack_settings(overlay, tmp_path), "s3cret")

    assert "--allow-http=false" in command
    assert not [it for it in command if it.startswith("--http-")]


def test_whatever_is_scaled_by_others_does_not_say_how_many(overlay: str) -> None:
    deployments = of_kind(overlay, "Deployment")
    scaled = [
        it["spec"]["scaleTargetRef"]["name"]
        for kind in ("ScaledObject", "HorizontalPodAutoscaler")
        for it in of_kind(overlay, kind).values()
    ]

    assert sorted(scaled) == ["gateway", "triton"]
    for name in scaled:
        assert "replicas" not in deployments[name]["spec"]
        assert deployments[name]["spec"]["template"]["spec"]["topologySpreadConstraints"]


def test_only_triton_asks_for_gpus_and_tolerates_their_nodes(overlay: str) -> None:
    asking = {
        name
        for name, pod in pods(overlay).items()
        if "tolerations" in pod["spec"]
        or any("nvidia.com/gpu" in it["resources"]["limits"] for it in containers(pod))
    }

    assert asking == ({"triton"} if overlay == "gpu" else set())
