"""config.pbtxt for the four Triton models of a release. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from python_backends.shared.contract import (
    IMAGE,
    LABEL,
    LOGITS,
    PIXELS,
    SCORE,
    STATUS,
    STEPS,
    TensorSpec,
)
from python_backends.shared.image_transform import ImageTransform
from triptych.routing import ReleaseName

# Above the gateway's own limit (GATEWAY_MAX_IN_FLIGHT), so that only direct clients meet it.
MAX_QUEUE_SIZE: Final = 512


@dataclass(frozen=True)
class PipelineShape:
    """The sizes that config.pbtxt fixes."""

    transform: ImageTransform
    classes: int
    top_k: int
    max_batch_size: int
    max_pixels: int

    def dims(self, spec: TensorSpec) -> tuple[int, ...]:
        """The contract's dimensions, with this release's own sizes filled in."""
        known = {
            PIXELS.name: (self.transform.height_pixels, self.transform.width_pixels, 3),
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
    preprocess = _parameters(
        {
            "resize_filter": shape.transform.resize_filter.name.lower(),
            "max_pixels": str(shape.max_pixels),
        }
    )
    # One thread per inference: under load the batch is the parallelism, and a second thread that
    # spins costs the decoder its core.
    threads = _parameters({"intra_op_thread_count": "1", "inter_op_thread_count": "1"})
    texts = {
        "preprocess": 'backend: "image_preprocess"\n' + on_cpu + front_queue + preprocess,
        "model": 'backend: "onnxruntime"\n' + where_it_is + batching + threads,
        "postprocess": 'backend: "classification_postprocess"\n' + on_cpu + batching,
        "": 'platform: "ensemble"\n' + _scheduling(release),
    }
    return {
        release.step(step): f'name: "{release.step(step)}"\n'
        + f"max_batch_size: {shape.max_batch_size}\n"
        + _tensors("input", STEPS[step].inputs, shape)
        + _tensors("output", STEPS[step].outputs, shape)
        + text
        for step, text in texts.items()
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


def _scheduling(release: ReleaseName) -> str:
    preprocess_status = "PREPROCESS_STATUS"  # inside an ensemble each tensor has a name of its own
    steps = (
        _step(
            release,
            "preprocess",
            {IMAGE: IMAGE.name},
            {PIXELS: "PIXELS", STATUS: preprocess_status},
        ),
        _step(release, "model", {PIXELS: "PIXELS"}, {LOGITS: "LOGITS"}),
        _step(
            release,
            "postprocess",
            {LOGITS: "LOGITS", STATUS: preprocess_status},
            {LABEL: LABEL.name, SCORE: SCORE.name, STATUS: STATUS.name},
        ),
    )
    return "ensemble_scheduling {\n  step [\n" + ",\n".join(steps) + "\n  ]\n}\n"


def _step(
    release: ReleaseName,
    step: str,
    inputs: Mapping[TensorSpec, str],
    outputs: Mapping[TensorSpec, str],
) -> str:
    maps = [
        f'      {kind}_map {{ key: "{spec.name}" value: "{tensor}" }}'
        for kind, mapping in (("input", inputs), ("output", outputs))
        for spec, tensor in mapping.items()
    ]
    head = f'      model_name: "{release.step(step)}"\n      model_version: 1\n'
    return "    {\n" + head + "\n".join(maps) + "\n    }"
