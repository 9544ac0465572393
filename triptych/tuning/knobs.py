"""What can be turned in the config.pbtxt of a release's steps, and where each of it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from python_backends.shared.contract import STEP_NAMES, Task
from python_backends.shared.cores import engine_threads, usable_cores
from triptych.engine_configs import CONFIG_FILE
from triptych.engines import ENGINES_FOLDER
from triptych.release import Release

MODEL_THREADS: Final = "model_threads"
MODEL_INSTANCES: Final = "model_instances"
_MOST_DECODERS: Final = 4
_MOST_INSTANCES: Final = 2
_DELAYS_US: Final = (0, 200, 500, 1000, 2000, 5000)
# Each engine's own name for the threads of one inference.
_THREADS: Final = {
    "onnxruntime": "intra_op_thread_count",
    "openvino": "INFERENCE_NUM_THREADS",
}

# The configurations of a release by step name, as protobuf messages, which carry no types.
Steps = dict[str, Any]
_Read = Callable[[Steps], int]
_Write = Callable[[Steps, int], None]
Setting = Mapping[str, int]
"""A value for each knob, by its name."""


@dataclass(frozen=True)
class Knob:
    """One number of a configuration."""

    name: str
    values: tuple[int, ...]
    """Rising; the one that is set is among them."""
    read: _Read
    write: _Write

    def next_to(self, value: int, direction: int) -> int | None:
        """The value above (1) or below (-1), or None at the end."""
        place = self.values.index(value) + direction
        return self.values[place] if 0 <= place < len(self.values) else None


def read_steps(release: Release) -> Steps:
    """Read all four configurations of a release."""
    return {step: _parsed(_file(release, step)) for step in STEP_NAMES}


def read_engines(release: Release) -> dict[Path, Any]:
    """Read the configurations of the model step for other engines, by their files."""
    files = sorted((release.model_folder() / ENGINES_FOLDER).glob("*.pbtxt"))
    return {file: _parsed(file) for file in files}


def _parsed(file: Path) -> Any:  # noqa: ANN401 - protobuf has no types
    return text_format.Parse(file.read_text(), model_config_pb2.ModelConfig())


def _file(release: Release, step: str) -> Path:
    return release.repository / release.name.step(step) / CONFIG_FILE


def to_text(config: Any) -> str:  # noqa: ANN401 - protobuf has no types
    """A configuration as config.pbtxt has it."""
    return str(text_format.MessageToString(config))


def apply(steps: Steps, knobs: Mapping[str, Knob], setting: Setting) -> None:
    """Write into configurations what they do not say already; the rest stays as it is written."""
    for name, value in [*setting.items()] * 2:  # "all cores" depends on the instances
        if knobs[name].read(steps) != value:
            knobs[name].write(steps, value)


def knobs_of(release: Release, steps: Steps) -> tuple[dict[str, Knob], dict[str, int]]:
    """What can be turned in a release, the most telling first, and how it is set now.

    gRPC threads are not among them: this Triton has no option for their number.

    Args:
        release: Which one.
        steps: Its configurations.
    """
    cores, model = usable_cores(), steps["model"]
    found: list[tuple[Knob, int]] = []

    def add(name: str, values: tuple[int, ...], read: _Read, write: _Write) -> None:
        now = read(steps)
        found.append((Knob(name, tuple(sorted({*values, now})), read, write), now))

    for step in ("preprocess", "model"):
        add(f"{step}_delay_us", _DELAYS_US, _reads_delay(step), _writes_delay(step))
    if release.task is Task.IMAGE_CLASSIFICATION:
        decoders = _up_to(min(_MOST_DECODERS, cores))
        add("decode_processes", decoders, _read_decoders, _write_decoders)
    if model.backend in _THREADS:
        add(MODEL_THREADS, _up_to(cores), _read_threads, _write_threads)
    instances = _up_to(_MOST_INSTANCES)
    add(MODEL_INSTANCES, instances, _reads_instances("model"), _writes_instances("model"))
    add("max_batch_size", _powers(model.max_batch_size), _read_batch, _write_batch)
    reads, writes = _reads_instances("preprocess"), _writes_instances("preprocess")
    add("preprocess_instances", instances, reads, writes)
    return {knob.name: knob for knob, _ in found}, {knob.name: now for knob, now in found}


def _up_to(most: int) -> tuple[int, ...]:
    return tuple(range(1, most + 1))


def _powers(most: int) -> tuple[int, ...]:
    return tuple(2**exponent for exponent in range(most.bit_length()) if 2**exponent <= most)


def _parameter(config: Any, name: str) -> str:  # noqa: ANN401 - protobuf has no types
    return config.parameters[name].string_value if name in config.parameters else ""


def _read_decoders(steps: Steps) -> int:
    most = min(_MOST_DECODERS, usable_cores())
    return int(_parameter(steps["preprocess"], "decode_processes") or most)


def _write_decoders(steps: Steps, value: int) -> None:
    steps["preprocess"].parameters["decode_processes"].string_value = str(value)


def _read_threads(steps: Steps) -> int:
    model = steps["model"]
    asked = int(_parameter(model, _THREADS[model.backend]) or 0)
    return engine_threads(asked, _instances(model))


def _write_threads(steps: Steps, value: int) -> None:
    model = steps["model"]
    model.parameters[_THREADS[model.backend]].string_value = str(value)


def _instances(config: Any) -> int:  # noqa: ANN401 - protobuf has no types
    return sum(group.count or 1 for group in config.instance_group) or 1


def _reads_instances(step: str) -> _Read:
    return lambda steps: _instances(steps[step])


def _writes_instances(step: str) -> _Write:
    def write(steps: Steps, value: int) -> None:
        groups = steps[step].instance_group
        del groups[1:]
        (groups[0] if groups else groups.add()).count = value

    return write


def _reads_delay(step: str) -> _Read:
    return lambda steps: int(steps[step].dynamic_batching.max_queue_delay_microseconds)


def _writes_delay(step: str) -> _Write:
    def write(steps: Steps, value: int) -> None:
        steps[step].dynamic_batching.max_queue_delay_microseconds = value

    return write


def _read_batch(steps: Steps) -> int:
    return int(steps["model"].max_batch_size)


def _write_batch(steps: Steps, value: int) -> None:
    # The ensemble's must not exceed any step's, and what a step takes more of never comes.
    for config in steps.values():
        config.max_batch_size = value
