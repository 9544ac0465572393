"""What model_repository/ tells Triton is what contract.py says and what the exporter writes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tritonclient.grpc import model_config_pb2

from gateway.settings import GatewaySettings
from python_backends.shared.contract import PIPELINES, STEP_NAMES, TensorSpec
from tests.rules.shipped_releases import (
    REPOSITORY,
    certificate,
    config_text,
    read_config,
    shipped_releases,
)
from triptych.export.model_configs import PipelineShape, pipeline_configs
from triptych.export.preprocess_steps import read_step
from triptych.release import find_releases, read_release
from triptych.routing import ReleaseName

RELEASES = shipped_releases()
MODEL_STEPS = [step for step in STEP_NAMES if step]
BACKENDS = REPOSITORY.parent / "python_backends"

each_release = pytest.mark.parametrize("release", RELEASES, ids=str)
each_step = pytest.mark.parametrize("step", STEP_NAMES, ids=lambda step: step or "ensemble")


def declared(tensors: Any) -> dict[str, tuple[str, list[int]]]:
    """Dtype and dimensions by name, in the contract's words."""
    types = model_config_pb2.DataType.Name
    return {
        tensor.name: (
            types(tensor.data_type).removeprefix("TYPE_").replace("STRING", "BYTES"),
            list(tensor.dims),
        )
        for tensor in tensors
    }


def fits(dims: list[int], spec: TensorSpec) -> bool:
    """Whether every dimension is fixed, and is the contract's where that fixes it."""
    return len(dims) == len(spec.shape) and all(
        size > 0 and agreed in {size, -1} for size, agreed in zip(dims, spec.shape, strict=True)
    )


def test_at_least_one_release_is_shipped() -> None:
    assert RELEASES, f"{REPOSITORY} holds no release, so nothing below was checked"


@each_release
@each_step
def test_a_config_declares_the_contracts_tensors_with_fixed_dimensions(
    release: ReleaseName, step: str
) -> None:
    config = read_config(release.step(step))
    contract = PIPELINES[read_release(REPOSITORY, release).task][step]

    for tensors, specs in (
        (config.input, contract.inputs),
        (config.output, contract.outputs),
    ):
        found = declared(tensors)
        assert list(found) == [spec.name for spec in specs]
        for spec in specs:
            dtype, dims = found[spec.name]
            assert dtype == spec.dtype
            assert fits(dims, spec), f"{spec.name} has {dims}, the contract says {spec.shape}"


@each_release
def test_batches_are_equally_large_in_every_step_and_hold_thirty_two(release: ReleaseName) -> None:
    sizes = {step: read_config(release.step(step)).max_batch_size for step in STEP_NAMES}

    assert len(set(sizes.values())) == 1, sizes
    assert min(sizes.values()) >= 32


@each_release
def test_the_ensemble_hands_every_tensor_on_to_where_it_is_needed(release: ReleaseName) -> None:
    ensemble = read_config(str(release))
    known = declared(ensemble.input)

    assert ensemble.platform == "ensemble"
    assert [step.model_name for step in ensemble.ensemble_scheduling.step] == [
        release.step(step) for step in MODEL_STEPS
    ]
    for step in ensemble.ensemble_scheduling.step:
        config = read_config(step.model_name)
        inputs, outputs = declared(config.input), declared(config.output)
        assert step.model_version == 1
        assert {name: known[step.input_map[name]] for name in step.input_map} == inputs
        assert set(step.output_map) == set(outputs)
        known |= {step.output_map[name]: outputs[name] for name in step.output_map}
    answers = declared(ensemble.output)
    assert {name: known[name] for name in answers} == answers


@each_release
@pytest.mark.parametrize("step", MODEL_STEPS)
def test_no_step_waits_for_a_batch_to_fill(release: ReleaseName, step: str) -> None:
    config = read_config(release.step(step))

    assert config.HasField("dynamic_batching")
    assert config.dynamic_batching.max_queue_delay_microseconds == 0


@each_release
def test_the_front_queue_rejects_what_is_late_and_is_longer_than_the_gateways_limit(
    release: ReleaseName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEWAY_MAX_IN_FLIGHT", raising=False)
    policy = read_config(release.step("preprocess")).dynamic_batching.default_queue_policy

    assert policy.timeout_action == model_config_pb2.ModelQueuePolicy.REJECT
    assert policy.allow_timeout_override
    assert policy.max_queue_size > GatewaySettings().max_in_flight


@each_release
@each_step
def test_a_config_bears_its_folders_name_and_names_a_backend_of_ours(
    release: ReleaseName, step: str
) -> None:
    config = read_config(release.step(step))

    assert config.name == release.step(step)
    if step:
        assert (BACKENDS / config.backend / "model.py").is_file()


@each_release
def test_the_exporter_would_write_the_same_configs_again(release: ReleaseName) -> None:
    values = certificate(release)
    folder = REPOSITORY / release.step("preprocess")
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    shape = PipelineShape(
        preprocess=read_step(values, files),
        classes=len(values["labels"]),
        top_k=values["top_k"],
        max_batch_size=values["max_batch_size"],
        multiply_accumulates=values.get("multiply_accumulates", 0),
    )

    for model, text in pipeline_configs(release, shape).items():
        assert config_text(model) == text


@each_release
def test_every_file_is_there_and_is_what_the_certificate_hashed(release: ReleaseName) -> None:
    found = read_release(REPOSITORY, release)

    assert found.artifacts
    assert found.missing_files() == []
    assert found.changed_files() == []
    for golden in certificate(release)["golden"]:
        content = (REPOSITORY / str(release) / "golden" / golden["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == golden["sha256"]


@each_release
def test_the_certificate_knows_every_file_of_the_release(release: ReleaseName) -> None:
    folders = [REPOSITORY / release.step(step) for step in STEP_NAMES]
    on_disk = {
        str(file.relative_to(REPOSITORY))
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and file.name not in {".gitkeep", "release.json"}
    }

    golden = {f"{release}/golden/{item['file']}" for item in certificate(release)["golden"]}
    assert on_disk == set(read_release(REPOSITORY, release).artifacts) | golden


@each_release
def test_the_labels_are_those_of_the_certificate_one_per_class(release: ReleaseName) -> None:
    labels = (REPOSITORY / release.step("postprocess") / "labels.txt").read_text(encoding="utf-8")

    assert labels.splitlines() == certificate(release)["labels"]
    assert len(set(labels.splitlines())) == len(labels.splitlines())
    assert {golden["label"] for golden in certificate(release)["golden"]} <= set(
        labels.splitlines()
    )


def test_the_repository_holds_models_of_releases_and_no_code() -> None:
    models = {release.step(step) for release in find_releases(REPOSITORY) for step in STEP_NAMES}

    assert {folder.name for folder in REPOSITORY.iterdir() if folder.is_dir()} == models
    assert list(REPOSITORY.rglob("*.py")) == []
