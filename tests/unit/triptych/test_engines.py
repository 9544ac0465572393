"""What a release says of its engines: configurations, certificate, and the choice of one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from python_backends.openvino.network import cpu_properties
from tests.unit.triptych.small_release import (
    DRAFT,
    ENGINE_VERDICTS,
    ENGINES,
    write,
    write_release_with_engines,
    write_small_release,
)
from triptych.engine_configs import read_override
from triptych.engines import computing_precision, config_file
from triptych.errors import LoadRefused, ReleaseBroken
from triptych.export.model_configs import PipelineShape, model_config
from triptych.export.preprocess_steps import TextStep
from triptych.release import Release, read_release
from triptych.routing import ReleaseName

DIGITS_1 = ReleaseName("digits", 1)
SHAPE = PipelineShape(DRAFT.preprocess, classes=3, top_k=2, max_batch_size=32)


def config_of(engine: str) -> model_config_pb2.ModelConfig:
    return text_format.Parse(model_config(DIGITS_1, SHAPE, engine), model_config_pb2.ModelConfig())


def parameters(engine: str) -> dict[str, str]:
    return {name: it.string_value for name, it in config_of(engine).parameters.items()}


def released(repository: Path) -> Release:
    return read_release(repository, DIGITS_1)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_has_the_same_tensors_and_batches_as_the_others(engine: str) -> None:
    config, usual = config_of(engine), config_of("onnxruntime")

    assert (config.name, config.max_batch_size) == ("digits_r1_model", 32)
    assert (list(config.input), list(config.output)) == (list(usual.input), list(usual.output))
    assert config.HasField("dynamic_batching")
    assert [group.count for group in config.instance_group] == [1]


@pytest.mark.parametrize(("engine", "precision"), [("openvino", "f32"), ("openvino-bf16", "bf16")])
def test_openvino_reads_the_same_file_on_one_thread_in_the_precision_of_its_name(
    engine: str, precision: str
) -> None:
    config = config_of(engine)

    assert (config.backend, config.default_model_filename) == ("openvino", "model.onnx")
    assert cpu_properties(parameters(engine)) == {
        "INFERENCE_NUM_THREADS": "1",
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "ENABLE_CPU_PINNING": "NO",
    }
    # Without it Triton's native backend answers full batches only.
    assert parameters(engine)["ENABLE_BATCH_PADDING"] == "YES"


def test_the_size_that_was_counted_decides_on_the_threads_of_every_engine(tmp_path: Path) -> None:
    large = replace(DRAFT, engines=ENGINES, multiply_accumulates=1_800_000_000)

    folder = write(tmp_path, large)

    assert (
        json.loads((folder / "release.json").read_text())["multiply_accumulates"] == 1_800_000_000
    )
    model = tmp_path / "digits_r1_model"
    for engine in ENGINES:
        told = json.loads(read_override(model, engine))["parameters"]
        name = "intra_op_thread_count" if engine == "onnxruntime" else "INFERENCE_NUM_THREADS"
        assert told[name] == {"string_value": "0"}


def test_bf16_is_how_an_engine_computes_and_int8_what_the_weights_are() -> None:
    assert computing_precision("openvino-bf16", "fp32") == "bf16"
    assert computing_precision("openvino", "fp32") == "fp32"
    assert computing_precision("openvino", "int8") == "int8"


def test_a_release_has_the_configurations_of_what_the_gate_let_through_and_hashes_them(
    tmp_path: Path,
) -> None:
    write_release_with_engines(tmp_path)

    folder = tmp_path / "digits_r1_model"
    names = [file.name for file in sorted((folder / "configs").iterdir())]
    assert names == ["onnxruntime.pbtxt", "openvino.pbtxt", "tensorrt.pbtxt"]
    assert (folder / "configs" / "onnxruntime.pbtxt").read_text() == (
        folder / "config.pbtxt"
    ).read_text()
    release = released(tmp_path)
    assert "digits_r1_model/configs/openvino.pbtxt" in release.artifacts
    assert (release.unknown_files(), release.changed_files()) == ([], [])


def test_the_certificate_tells_of_every_engine_that_was_tried(tmp_path: Path) -> None:
    folder = write_release_with_engines(tmp_path)

    told = json.loads((folder / "release.json").read_text())
    assert told["engine"] == "onnxruntime"
    assert {name: it["passed"] for name, it in told["engines"].items()} == {
        "onnxruntime": True,
        "openvino": True,
        "openvino-bf16": False,
    }
    assert told["engines"]["openvino-bf16"]["parity"]["failures"] == ["it is no good"]


def test_a_release_with_no_word_of_engines_is_as_it_ever_was(tmp_path: Path) -> None:
    folder = write_small_release(tmp_path)

    told = json.loads((folder / "release.json").read_text())
    assert not {"engine", "engines"} & set(told)
    assert not (tmp_path / "digits_r1_model" / "configs").exists()
    release = released(tmp_path)
    assert (release.engine, dict(release.engines)) == ("onnxruntime", {})
    assert release.on_engine("onnxruntime") is release
    with pytest.raises(LoadRefused, match=r"^digits_r1 has no engine 'openvino'; it has onnxrunti"):
        release.on_engine("openvino")


def test_on_another_engine_a_release_has_the_golden_answers_of_that_one(tmp_path: Path) -> None:
    write_release_with_engines(tmp_path)
    release = released(tmp_path)

    other = release.on_engine("openvino")

    assert (other.engine, other.default_engine) == ("openvino", "onnxruntime")
    assert [(it.file.name, it.label, it.score) for it in other.golden] == [
        ("zero.jpg", "0", 0.505),
        ("one.jpg", "1", 0.495),
    ]
    assert [it.score for it in other.on_engine("onnxruntime").golden] == [0.5, 0.5]
    assert release.on_engine(None) is release


def test_an_engine_that_did_not_pass_cannot_be_chosen(tmp_path: Path) -> None:
    write_release_with_engines(tmp_path)

    with pytest.raises(LoadRefused, match=r"no engine 'openvino-bf16'; it has onnxruntime, openv"):
        released(tmp_path).on_engine("openvino-bf16")


def test_the_override_is_the_configuration_as_json(tmp_path: Path) -> None:
    write_release_with_engines(tmp_path)

    override = read_override(tmp_path / "digits_r1_model", "openvino")

    read = json_format.Parse(override, model_config_pb2.ModelConfig())
    assert read == config_of("openvino")
    assert json.loads(override)["default_model_filename"] == "model.onnx"


@pytest.mark.parametrize("content", [None, "backend: openvino {"])
def test_a_configuration_that_cannot_be_read_is_a_broken_release(
    tmp_path: Path, content: str | None
) -> None:
    write_release_with_engines(tmp_path)
    file = config_file(tmp_path / "digits_r1_model", "openvino")
    file.unlink()
    if content is not None:
        file.write_text(content)

    with pytest.raises(ReleaseBroken, match=r"openvino\.pbtxt cannot be read"):
        read_override(tmp_path / "digits_r1_model", "openvino")


@pytest.mark.parametrize("largest", [1, 6, 32])
def test_a_plan_takes_every_batch_on_each_card_and_powers_of_two_have_a_graph(largest: int) -> None:
    shape = replace(SHAPE, max_batch_size=largest)
    text = model_config(DIGITS_1, shape, "tensorrt")

    config = text_format.Parse(text, model_config_pb2.ModelConfig())
    usual = text_format.Parse(
        model_config(DIGITS_1, shape, "onnxruntime"), model_config_pb2.ModelConfig()
    )
    assert (config.name, config.max_batch_size) == ("digits_r1_model", largest)
    assert (list(config.input), list(config.output)) == (list(usual.input), list(usual.output))
    assert (config.platform, config.backend) == ("tensorrt_plan", "")
    (group,) = config.instance_group
    assert (group.count, group.kind) == (2, model_config_pb2.ModelInstanceGroup.KIND_GPU)
    assert config.HasField("dynamic_batching")
    assert config.optimization.cuda.graphs
    graphs = {it.batch_size: it for it in config.optimization.cuda.graph_spec}
    assert list(graphs) == {1: [1], 6: [1, 2, 4, 6], 32: [1, 2, 4, 8, 16, 32]}[largest]
    assert all(list(it.input["PIXELS"].dim) == [28, 32, 3] for it in graphs.values())


def test_only_image_models_with_fp32_weights_may_have_a_plan() -> None:
    text = TextStep(16, b"no tokenizer")
    assert replace(DRAFT, engines=ENGINES).configured_engines == (*ENGINES, "tensorrt")
    assert replace(DRAFT, engines=ENGINES, precision="int8").configured_engines == ENGINES
    assert replace(DRAFT, engines=ENGINES, preprocess=text).configured_engines == ENGINES
    assert DRAFT.configured_engines == ()


def test_where_no_engine_passed_there_are_no_configurations(tmp_path: Path) -> None:
    refused = dict.fromkeys(ENGINES, ENGINE_VERDICTS["openvino-bf16"])
    write_release_with_engines(tmp_path, refused)

    assert not (tmp_path / "digits_r1_model" / "configs").exists()
    assert released(tmp_path).engines == {}
