"""config.pbtxt for the four Triton models of a release. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from python_backends.shared.contract import (
    LABEL,
    LOGITS,
    PIPELINES,
    SCORE,
    STATUS,
    StepContract,
    Task,
    TensorSpec,
)
from triptych.export.preprocess_steps import PreprocessStep
from triptych.routing import ReleaseName

# Above the gateway's own limit (GATEWAY_MAX_IN_FLIGHT), so that only direct clients meet it.
MAX_QUEUE_SIZE: Final = 512


@dataclass(frozen=True)
class PipelineShape:
    """The sizes that config.pbtxt fixes."""

    preprocess: PreprocessStep
    classes: int
    top_k: int
    max_batch_size: int

    def dims(self, spec: TensorSpec) -> tuple[int, ...]:
        """The contract's dimensions, with this release's own sizes filled in."""
        known = {
            **self.preprocess.dims(),
            LOGITS.name: (self.classes,),
            LABEL.name: (self.top_k,),
            SCORE.name: (self.top_k,),
        }
        return known.get(spec.name, spec.shape)


def pipeline_configs(release: ReleaseName, shape: PipelineShape) -> dict[str, str]:
    """The text of config.pbtxt by Triton model name."""
    reject = "default_queue_policy { timeout_action: REJECT allow_timeout_override: true %s }"
    front_queue = f"dynamic_batching {{\n  {reject % f'max_queue_size: {MAX_QUEUE_SIZE}'}\n}}\n"
    batching = "dynamic_batching { }\n"
    on_cpu = "instance_group [ { count: 1 kind: KIND_CPU } ]\n"
    where_it_is = "instance_group [ { count: 1 kind: KIND_AUTO } ]\n"
    step = shape.preprocess
    preprocess = on_cpu + front_queue + _parameters(step.parameters())
    # One thread per inference: under load the batch is the parallelism, and a second thread that
    # spins costs the decoder its core.
    threads = _parameters({"intra_op_thread_count": "1", "inter_op_thread_count": "1"})
    texts = {
        "preprocess": f'backend: "{step.backend}"\n' + preprocess,
        "model": 'backend: "onnxruntime"\n' + where_it_is + batching + threads,
        "postprocess": 'backend: "classification_postprocess"\n' + on_cpu + batching,
        "": 'platform: "ensemble"\n' + _scheduling(release, step.task),
    }
    contracts = PIPELINES[step.task]
    return {
        release.step(name): f'name: "{release.step(name)}"\n'
        + f"max_batch_size: {shape.max_batch_size}\n"
        + _tensors("input", contracts[name].inputs, shape)
        + _tensors("output", contracts[name].outputs, shape)
        + text
        for name, text in texts.items()
    }


def _tensors(direction: str, specs: tuple[TensorSpec, ...], shape: PipelineShape) -> str:
    lines = [
        f'  {{ name: "{spec.name}" data_type: TYPE_{spec.dtype.replace("BYTES", "STRING")} '
        f"dims: {list(shape.dims(spec))} }}"
        for spec in specs
    ]
    return f"{direction} [\n" + ",\n".join(lines) + "\n]\n"


def _parameters(values: Mapping[str, str]) -> str:
    return "".join(
        f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}\n'
        for key, value in values.items()
    )


def _scheduling(release: ReleaseName, task: Task) -> str:
    contracts = PIPELINES[task]
    # Inside an ensemble each tensor has a name of its own, and two steps give a STATUS.
    between = {STATUS: "PREPROCESS_STATUS"}
    steps = (
        _step(release, "preprocess", contracts["preprocess"], outputs=between),
        _step(release, "model", contracts["model"]),
        _step(release, "postprocess", contracts["postprocess"], inputs=between),
    )
    return "ensemble_scheduling {\n  step [\n" + ",\n".join(steps) + "\n  ]\n}\n"


def _step(
    release: ReleaseName,
    step: str,
    contract: StepContract,
    *,
    inputs: Mapping[TensorSpec, str] | None = None,
    outputs: Mapping[TensorSpec, str] | None = None,
) -> str:
    maps = [
        f'      {kind}_map {{ key: "{spec.name}" value: "{(renamed or {}).get(spec, spec.name)}" }}'
        for kind, specs, renamed in (
            ("input", contract.inputs, inputs),
            ("output", contract.outputs, outputs),
        )
        for spec in specs
    ]
    head = f'      model_name: "{release.step(step)}"\n      model_version: 1\n'
    return "    {\n" + head + "\n".join(maps) + "\n    }"
