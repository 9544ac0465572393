from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from python_backends.shared.contract import STEP_NAMES
from python_backends.shared.image_transform import ImageTransform, ResizeFilter
from triptych.export.model_configs import (
    MAX_QUEUE_SIZE,
    PipelineShape,
    model_config,
    pipeline_configs,
)
from triptych.export.preprocess_steps import ImageStep, TextStep
from triptych.routing import ReleaseName

DIGITS_3 = ReleaseName("digits", 3)
SHAPE = PipelineShape(
    preprocess=ImageStep(ImageTransform(28, 32, ResizeFilter.LANCZOS)),
    classes=10,
    top_k=5,
    max_batch_size=64,
)
CONFIGS = {
    model: text_format.Parse(text, model_config_pb2.ModelConfig())
    for model, text in pipeline_configs(DIGITS_3, SHAPE).items()
}


def dims(model: str) -> dict[str, list[int]]:
    config = CONFIGS[model]
    return {tensor.name: list(tensor.dims) for tensor in (*config.input, *config.output)}


def test_each_step_is_a_model_named_after_the_release() -> None:
    assert set(CONFIGS) == {DIGITS_3.step(step) for step in STEP_NAMES}
    assert all(model == config.name for model, config in CONFIGS.items())
    assert {config.max_batch_size for config in CONFIGS.values()} == {64}


def test_every_size_that_the_contract_leaves_open_is_filled_in() -> None:
    assert dims("digits_r3_preprocess") == {"IMAGE": [1], "PIXELS": [28, 32, 3], "STATUS": [1]}
    assert dims("digits_r3_model") == {"PIXELS": [28, 32, 3], "LOGITS": [10]}
    assert dims("digits_r3_postprocess") == {
        "LOGITS": [10],
        "STATUS": [1],
        "LABEL": [5],
        "SCORE": [5],
    }
    assert dims("digits_r3") == {"IMAGE": [1], "LABEL": [5], "SCORE": [5], "STATUS": [1]}


def test_each_step_runs_on_its_own_backend_and_the_ensemble_on_none() -> None:
    backends = {model: (config.backend, config.platform) for model, config in CONFIGS.items()}

    assert backends == {
        "digits_r3_preprocess": ("image_preprocess", ""),
        "digits_r3_model": ("onnxruntime", ""),
        "digits_r3_postprocess": ("classification_postprocess", ""),
        "digits_r3": ("", "ensemble"),
    }


def test_the_front_queue_is_bounded_and_rejects_what_is_late() -> None:
    policy = CONFIGS["digits_r3_preprocess"].dynamic_batching.default_queue_policy

    assert policy.timeout_action == model_config_pb2.ModelQueuePolicy.REJECT
    assert policy.allow_timeout_override
    assert policy.max_queue_size == MAX_QUEUE_SIZE


@pytest.mark.parametrize("step", ["preprocess", "model", "postprocess"])
def test_every_step_batches_without_waiting_for_more(step: str) -> None:
    config = CONFIGS[DIGITS_3.step(step)]

    assert config.HasField("dynamic_batching")
    assert config.dynamic_batching.max_queue_delay_microseconds == 0
    assert [group.count for group in config.instance_group] == [1]


def test_the_parameters_that_the_backends_read_are_there() -> None:
    def parameters(model: str) -> dict[str, str]:
        return {key: value.string_value for key, value in CONFIGS[model].parameters.items()}

    assert parameters("digits_r3_preprocess") == {
        "resize_filter": "lanczos",
        "max_pixels": "50000000",
    }
    assert parameters("digits_r3_model") == {
        "intra_op_thread_count": "1",
        "inter_op_thread_count": "1",
        "FORCE_CPU_ONLY_INPUT_TENSORS": "no",
    }


@pytest.mark.parametrize(
    ("multiply_accumulates", "threads"),
    [(0, "1"), (300_000_000, "1"), (499_999_999, "1"), (500_000_000, "0")],
)
@pytest.mark.parametrize(
    ("engine", "parameter"),
    [
        ("onnxruntime", "intra_op_thread_count"),
        ("openvino", "INFERENCE_NUM_THREADS"),
        ("openvino-bf16", "INFERENCE_NUM_THREADS"),
    ],
)
def test_a_large_network_has_all_cores_on_every_engine(
    multiply_accumulates: int, threads: str, engine: str, parameter: str
) -> None:
    shape = replace(SHAPE, multiply_accumulates=multiply_accumulates)

    chosen = pipeline_configs(DIGITS_3, shape, engine)["digits_r3_model"]

    assert chosen == model_config(DIGITS_3, shape, engine)
    config = text_format.Parse(chosen, model_config_pb2.ModelConfig())
    assert config.parameters[parameter].string_value == threads


def test_the_ensemble_pins_version_one_of_each_step_and_hands_status_past_the_model() -> None:
    steps = CONFIGS["digits_r3"].ensemble_scheduling.step

    assert [(step.model_name, step.model_version) for step in steps] == [
        ("digits_r3_preprocess", 1),
        ("digits_r3_model", 1),
        ("digits_r3_postprocess", 1),
    ]
    assert dict(steps[0].output_map)["STATUS"] == dict(steps[2].input_map)["STATUS"]
    assert dict(steps[0].output_map)["STATUS"] != dict(steps[2].output_map)["STATUS"]


def test_a_text_pipeline_hands_token_ids_and_mask_from_step_to_step() -> None:
    shape = PipelineShape(TextStep(16, b"{}", 1000), classes=3, top_k=3, max_batch_size=8)
    configs = {
        model: text_format.Parse(text, model_config_pb2.ModelConfig())
        for model, text in pipeline_configs(DIGITS_3, shape).items()
    }

    preprocess, ensemble = configs["digits_r3_preprocess"], configs["digits_r3"]
    assert preprocess.backend == "text_preprocess"
    assert {it.name: list(it.dims) for it in preprocess.output} == {
        "INPUT_IDS": [16],
        "ATTENTION_MASK": [16],
        "STATUS": [1],
    }
    assert [it.name for it in configs["digits_r3_model"].input] == ["INPUT_IDS", "ATTENTION_MASK"]
    assert [it.name for it in ensemble.input] == ["TEXT"]
    assert dict(ensemble.ensemble_scheduling.step[1].input_map) == {
        "INPUT_IDS": "INPUT_IDS",
        "ATTENTION_MASK": "ATTENTION_MASK",
    }
