"""Every object fits its schema: core ones of two Kubernetes versions, others a reduced CRD's."""

from __future__ import annotations

import copy
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from tests.manifests.rendered import KUBERNETES, OVERLAYS, Manifest, render

# The oldest that knows all we use and is still to be met, and the newest that the package has.
VERSIONS: Final = ("1.28.0", "1.37.0")
SCHEMAS: Final = Path(__file__).parent / "schemas"
CUSTOM: Final = ("ScaledObject", "ExternalSecret", "ServiceMonitor", "PrometheusRule")
# What the kustomize of kubectl 1.20 (2.0.3) knows and that of today still does.
KUSTOMIZATION_FIELDS: Final = {
    *("apiVersion", "kind", "namespace", "bases", "resources", "images"),
    *("configMapGenerator", "patchesStrategicMerge"),
}


@cache
def core_schema(kind: str, api_version: str, version: str) -> jsonschema.Draft202012Validator:
    """As the package kubernetes-validate has them: strict, so that no unknown field passes."""
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    group, _, name = api_version.rpartition("/")
    domain = f"{group.partition('.')[0]}-" if group else ""
    schema = json.loads((folder / f"{kind.lower()}-{domain}{name}.json").read_text())
    registry: Registry[Any] = Resource.from_contents(schema) @ Registry()
    return jsonschema.Draft202012Validator(schema, registry=definitions(version) @ registry)


@cache
def definitions(version: str) -> Resource[Any]:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    return Resource.from_contents(json.loads((folder / "_definitions.json").read_text()))


@cache
def custom_schema(kind: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{kind.lower()}.json").read_text())
    return jsonschema.Draft202012Validator(schema)


def faults(manifest: Manifest, version: str) -> list[str]:
    kind = manifest["kind"]
    is_custom = kind in CUSTOM
    schema = (
        custom_schema(kind) if is_custom else core_schema(kind, manifest["apiVersion"], version)
    )
    name = f"{kind}/{manifest['metadata']['name']}"
    return [f"{name}: {it.json_path}: {it.message}" for it in schema.iter_errors(manifest)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_fits_its_schema(overlay: str, version: str) -> None:
    found = [fault for manifest in render(overlay) for fault in faults(manifest, version)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("Deployment", ("spec", "template", "spec", "containers", 0, "readOnly"), True),
        ("Deployment", ("spec", "template", "spec", "terminationGracePeriodSeconds"), "soon"),
        ("NetworkPolicy", ("spec", "ingres"), []),
        ("HorizontalPodAutoscaler", ("spec", "maxReplicas"), "20"),
        ("ScaledObject", ("spec", "scaleTarget"), {}),
        ("ScaledObject", ("spec", "triggers", 0, "metadata", "threshold"), 4),
        ("ScaledObject", ("spec", "fallback", "behavior"), "stay"),
        ("ExternalSecret", ("spec", "data", 0, "remoteRef", "path"), "x"),
        ("ExternalSecret", ("spec", "target", "creationPolicy"), "Always"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "prot"), "metrics"),
        ("PrometheusRule", ("spec", "groups", 1, "rules", 0, "fore"), "2m"),
        ("PrometheusRule", ("spec", "groups", 1, "rules", 0, "for"), "two minutes"),
    ],
)
def test_the_schemas_refuse_a_slip(kind: str, path: tuple[str | int, ...], wrong: object) -> None:
    manifest = copy.deepcopy(next(it for it in render("cpu") if it["kind"] == kind))
    place: Any = manifest
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = wrong

    assert all(faults(manifest, version) for version in VERSIONS)


def test_what_both_old_and_new_kustomize_know_is_all_we_use() -> None:
    for file in KUBERNETES.rglob("kustomization.yaml"):
        fields = set(yaml.safe_load(file.read_text(encoding="utf-8")))
        assert fields <= KUSTOMIZATION_FIELDS, file


def test_each_reduced_schema_says_where_it_comes_from() -> None:
    for kind in CUSTOM:
        said = json.loads((SCHEMAS / f"{kind.lower()}.json").read_text())["$comment"]
        assert "github.com/" in said
        assert " v" in said
