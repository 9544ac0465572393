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
from triptych.engines import ONNXRUNTIME, OPENVINO, OPENVINO_BF16, TENSORRT
from triptych.export.preprocess_steps import PreprocessStep
from triptych.routing import ReleaseName

# Above the gateway's own limit (GATEWAY_MAX_IN_FLIGHT), so that only direct clients meet it.
MAX_QUEUE_SIZE: Final = 512
# Some 10 ms on one core (docs/adr/0023).
_LARGE_MULTIPLY_ACCUMULATES: Final = 500_000_000
_BATCHING: Final = "dynamic_batching { }\n"
_ON_CPU: Final = "instance_group [ { count: 1 kind: KIND_CPU } ]\n"
# While one instance copies a batch to the card or back, the other one computes.
_ON_EACH_GPU: Final = "instance_group [ { count: 2 kind: KIND_GPU } ]\n"
_WHERE_IT_IS: Final = "instance_group [ { count: 1 kind: KIND_AUTO } ]\n"


@dataclass(frozen=True)
class PipelineShape:
    """The sizes that config.pbtxt fixes."""

    preprocess: PreprocessStep
    classes: int
    top_k: int
    max_batch_size: int
    multiply_accumulates: int = 0
    """Of one item; 0 where they are not known."""

    @property
    def engine_threads(self) -> int:
        """Threads of one inference: one, or as many as there are cores, which engines call 0.

        A large network keeps all cores busy, also for a single client. Beside a small one there is
        as much to decode, and a second thread costs the decoder its core.
        """
        return 0 if self.multiply_accumulates >= _LARGE_MULTIPLY_ACCUMULATES else 1

    def dims(self, spec: TensorSpec) -> tuple[int, ...]:
        """The contract's dimensions, with this release's own sizes filled in."""
        known = {
            **self.preprocess.dims(),
            LOGITS.name: (self.classes,),
            LABEL.name: (self.top_k,),
            SCORE.name: (self.top_k,),
        }
        return known.get(spec.name, spec.shape)


def pipeline_configs(
    release: ReleaseName, shape: PipelineShape, engine: str = ONNXRUNTIME
) -> dict[str, str]:
    """The text of config.pbtxt by Triton model name."""
    reject = "default_queue_policy { timeout_action: REJECT allow_timeout_override: true %s }"
    front_queue = f"dynamic_batching {{\n  {reject % f'max_queue_size: {MAX_QUEUE_SIZE}'}\n}}\n"
    step = shape.preprocess
    preprocess = _ON_CPU + front_queue + _parameters(step.parameters())
    texts = {
        "preprocess": f'backend: "{step.backend}"\n' + preprocess,
        "model": _engine(engine, shape.engine_threads),
        "postprocess": 'backend: "classification_postprocess"\n' + _ON_CPU + _BATCHING,
        "": 'platform: "ensemble"\n' + _scheduling(release, step.task),
    }
    return {
        release.step(name): _config(release, name, shape) + text for name, text in texts.items()
    }


def model_config(release: ReleaseName, shape: PipelineShape, engine: str) -> str:
    """The text of the model step's configuration for one engine."""
    if engine == TENSORRT:
        return _config(release, "model", shape) + _tensorrt(shape)
    return _config(release, "model", shape) + _engine(engine, shape.engine_threads)


def _config(release: ReleaseName, step: str, shape: PipelineShape) -> str:
    contract = PIPELINES[shape.preprocess.task][step]
    return (
        f'name: "{release.step(step)}"\n'
        + f"max_batch_size: {shape.max_batch_size}\n"
        + _tensors("input", contract.inputs, shape)
        + _tensors("output", contract.outputs, shape)
    )


def _engine(engine: str, threads: int) -> str:
    """What is an engine's own."""
    if engine == ONNXRUNTIME:
        values = {
            "intra_op_thread_count": str(threads),
            "inter_op_thread_count": "1",
            # Of Triton's Python backend, for our stand-in: what lies on a card may stay there.
            "FORCE_CPU_ONLY_INPUT_TENSORS": "no",
        }
        return 'backend: "onnxruntime"\n' + _WHERE_IT_IS + _BATCHING + _parameters(values)
    parameters = {
        "INFERENCE_NUM_THREADS": str(threads),
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        # Triton's native backend compiles for max_batch_size and refuses smaller ones without it.
        "ENABLE_BATCH_PADDING": "YES",
        **({"HINT_BF16": "YES"} if engine == OPENVINO_BF16 else {}),
    }
    file = 'default_model_filename: "model.onnx"\n'
    return f'backend: "{OPENVINO}"\n' + file + _ON_CPU + _BATCHING + _parameters(parameters)


def _tensorrt(shape: PipelineShape) -> str:
    """A plan for batches of 1 to the largest; precision and profile: triptych/plans/plan_key.py.

    Powers of two have a CUDA graph each, which starts the whole network with one call; any other
    size runs without. Each graph takes memory of the card.
    """
    inputs = " ".join(
        f'input {{ key: "{spec.name}" value {{ dim: {list(shape.dims(spec))} }} }}'
        for spec in PIPELINES[shape.preprocess.task]["model"].inputs
    )
    largest = shape.max_batch_size
    sizes = sorted({largest, *(2**n for n in range(largest.bit_length()))})
    graphs = ",\n".join(f"    {{ batch_size: {size} {inputs} }}" for size in sizes)
    cuda = f"  graphs: true\n  graph_spec [\n{graphs}\n  ]\n"
    platform = 'platform: "tensorrt_plan"\n'
    return platform + _ON_EACH_GPU + _BATCHING + f"optimization {{ cuda {{\n{cuda}}} }}\n"


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
