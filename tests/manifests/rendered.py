"""The manifests as kubectl renders them, and what is asked of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT: Final = Path(__file__).resolve().parents[2]
KUBERNETES: Final = PROJECT / "deploy" / "kubernetes"
OVERLAYS: Final = ("cpu", "gpu", "direct", "object-storage")
NAME: Final = "app.kubernetes.io/name"

Manifest = dict[str, Any]


@cache
def render(overlay: str) -> tuple[Manifest, ...]:
    """Every object of an overlay."""
    command = ["kubectl", "kustomize", str(KUBERNETES / "overlays" / overlay)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, kind: str) -> dict[str, Manifest]:
    """The objects of one kind by their name."""
    return {it["metadata"]["name"]: it for it in render(overlay) if it["kind"] == kind}


def pods(overlay: str) -> dict[str, Manifest]:
    """What each Deployment's pods are."""
    found = of_kind(overlay, "Deployment")
    return {name: it["spec"]["template"] for name, it in found.items()}


def containers(pod: Manifest) -> Iterator[Manifest]:
    """Those that prepare, and those that stay."""
    yield from pod["spec"].get("initContainers", [])
    yield from pod["spec"]["containers"]


def main_container(overlay: str, name: str) -> Manifest:
    """The one that stays."""
    (found,) = pods(overlay)[name]["spec"]["containers"]
    return dict(found)


def plain_environment(overlay: str, container: Manifest) -> dict[str, str]:
    """What a container is told by ConfigMaps; nothing of ours stands in its own `env`."""
    told: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            told |= of_kind(overlay, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    return told


def secret_environment(container: Manifest) -> dict[str, tuple[str, str]]:
    """Variable -> secret and key."""
    return {
        it["name"]: (
            it["valueFrom"]["secretKeyRef"]["name"],
            it["valueFrom"]["secretKeyRef"]["key"],
        )
        for it in container.get("env", [])
        if "valueFrom" in it
    }


def whole_secrets(container: Manifest) -> list[str]:
    """The secrets of which each key is a variable."""
    told = container.get("envFrom", [])
    return [it["secretRef"]["name"] for it in told if "secretRef" in it]


def keys_of_secrets(overlay: str) -> dict[str, set[str]]:
    """What the store is asked for by name; nothing where all that is there is taken."""
    return {
        name: {it["secretKey"] for it in secret["spec"].get("data", [])}
        for name, secret in of_kind(overlay, "ExternalSecret").items()
    }


def seconds_before_the_end(container: Manifest) -> float:
    """How long its preStop waits."""
    return float(container["lifecycle"]["preStop"]["exec"]["command"][-1])
