"""What a TensorRT plan depends on. Another value of any of it means another plan. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from triptych.engine_configs import read_config
from triptych.engines import TENSORRT, config_file
from triptych.errors import PlanUnavailable, ReleaseBroken
from triptych.plans.target import Target
from triptych.release import Release

PRECISION: Final = "fp16"
# What kernels are chosen for; every other batch from 1 to the largest runs with the same ones.
_TYPICAL_BATCH: Final = 8


@dataclass(frozen=True)
class Profile:
    """The optimisation profile: the input's shape for the smallest, usual and largest batch.

    Attributes:
        tensor: The input's name.
        smallest: With the batch first, "1x48x48x3".
        typical: Likewise.
        largest: Likewise.
    """

    tensor: str
    smallest: str
    typical: str
    largest: str

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> Profile:
        """From a model's configuration, as `read_config` gives it.

        Raises:
            PlanUnavailable: it has not one input, or no batches.
        """
        try:
            (tensor,) = config["input"]
            dims = [int(size) for size in tensor["dims"]]
            largest = int(config["max_batch_size"])
        except (KeyError, ValueError) as exc:
            raise PlanUnavailable(f"Its configuration for TensorRT is none: {exc!r}.") from exc
        sizes = (1, min(_TYPICAL_BATCH, largest), largest)
        shapes = ("x".join(map(str, [size, *dims])) for size in sizes)
        return cls(str(tensor["name"]), *shapes)


@dataclass(frozen=True)
class PlanKey:
    """All of it; `digest` names the folder.

    Attributes:
        onnx_sha256: Of model.onnx.
        tensorrt: The version that builds and runs it, as trtexec writes it, with its build.
        compute_capability: Of the card, "9.0".
        precision: Of the products.
        profile: The batches that it takes.
    """

    onnx_sha256: str
    tensorrt: str
    compute_capability: str
    precision: str
    profile: Profile

    @property
    def digest(self) -> str:
        """SHA-256 of the rest, in hex."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def may_have_plan(release: Release) -> bool:
    """Whether it was exported with a configuration for TensorRT."""
    return config_file(release.model_folder(), TENSORRT).is_file()


def read_profile(release: Release) -> Profile:
    """The batches that a release's configuration for TensorRT takes.

    Raises:
        PlanUnavailable: it has none.
    """
    if not may_have_plan(release):
        raise PlanUnavailable(
            f"{release.name} has no configs/{TENSORRT}.pbtxt: only image models with fp32 weights "
            "that were exported since TensorRT is supported have one."
        )
    try:
        return Profile.of_config(read_config(config_file(release.model_folder(), TENSORRT)))
    except ReleaseBroken as exc:
        raise PlanUnavailable(str(exc)) from exc


def plan_key(release: Release, target: Target) -> PlanKey:
    """The key of a release's plan for this machine.

    Raises:
        PlanUnavailable: the release has no configuration for TensorRT.
    """
    return PlanKey(
        onnx_sha256=release.model_sha256(),
        tensorrt=target.tensorrt,
        compute_capability=target.compute_capability,
        precision=PRECISION,
        profile=read_profile(release),
    )
