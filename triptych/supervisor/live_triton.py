"""One started tritonserver: load releases into it, prove them, load a step anew."""

from __future__ import annotations

import itertools
import json
import math
import secrets
from typing import Any, Final

from python_backends.shared.contract import STEP_NAMES, TensorSpec, encode_bytes_tensor
from triptych.client.triton import ModelCounts, TritonConnection
from triptych.engine_configs import CONFIG_FILE, read_config, read_override
from triptych.errors import CallFailed, ReleaseBroken
from triptych.release import Release
from triptych.stack.triton_process import TritonProcess
from triptych.supervisor.canary import CanaryResult, replay_all, replay_golden

# Nothing reads it; a new value makes Triton start the model anew (shared facts, "Healing").
_HARMLESS: Final = "triptych_heal"
_ASK_SECONDS: Final = 1.0
_SIZE_OF: Final = {"BOOL": 1, "UINT8": 1, "INT8": 1, "FP16": 2, "INT32": 4, "FP32": 4, "INT64": 8}
STEPS: Final = tuple(step for step in STEP_NAMES if step)


class LiveTriton:
    """One running server, until it ends.

    Args:
        process: Started; may not answer yet.
        load_seconds: How long a load may take.
    """

    def __init__(self, process: TritonProcess, load_seconds: float) -> None:
        self.process = process
        self.connection = TritonConnection(
            process.addresses.grpc, process.admin_secret, process.addresses.tls
        )
        self._load_seconds = load_seconds
        self._configs: dict[str, dict[str, Any]] = {}
        self._heals = itertools.count(1)
        self._token = secrets.token_hex(4)

    def bring_up(self, release: Release) -> CanaryResult:
        """Load one release and replay its golden inputs, all of them or up to the first failure.

        Raises:
            CallFailed: Triton cannot load it.
        """
        self.connection.load(str(release.name), self._load_seconds)
        if release.engine != release.default_engine:
            self._set_engine(release)
        for golden in release.golden:
            result = replay_golden(
                self.connection, release, golden, timeout_seconds=self._load_seconds
            )
            if result.reason:
                return result
        for step in STEPS:
            model = release.name.step(step)
            self._configs[model] = self.connection.model_config(model, self._load_seconds)
        return result

    def switch_engine(self, release: Release) -> CanaryResult:
        """Have a release that was brought up run on its `engine`, and replay its golden inputs.

        Where one of them does not get its answer, the engine that it ran on is back.

        Raises:
            CallFailed: Triton cannot load it; what was loaded before stays.
        """
        model = release.name.step("model")
        before = self._config(model)
        self._set_engine(release)
        result = self.prove(release, self._load_seconds)
        if result.reason:
            self.connection.load(model, self._load_seconds, json.dumps(before))
        else:
            self._configs[model] = self.connection.model_config(model, self._load_seconds)
        return result

    def _set_engine(self, release: Release) -> None:
        try:
            override = read_override(release.model_folder(), release.engine)
        except ReleaseBroken as exc:
            raise CallFailed(str(exc)) from exc
        self.connection.load(release.name.step("model"), self._load_seconds, override)

    def load_anew(self, model: str) -> None:
        """Give one step a new stub: its own configuration, and a parameter that nothing reads.

        Raises:
            CallFailed: Triton cannot load it; what was loaded before stays.
        """
        config = self._config(model)
        value = {"string_value": f"{self._token}-{next(self._heals)}"}
        parameters = {**config.get("parameters", {}), _HARMLESS: value}
        override = json.dumps({**config, "parameters": parameters})
        self.connection.load(model, self._load_seconds, override)

    def _config(self, model: str) -> dict[str, Any]:
        """As it is served; one that only came up when it was healed is looked up now."""
        if model not in self._configs:
            self._configs[model] = self.connection.model_config(model, self._load_seconds)
        return self._configs[model]

    def device(self, release: Release) -> str:
        """Where the model step of a release that was brought up runs, "cpu" or "gpu"."""
        groups = self._configs.get(release.name.step("model"), {}).get("instance_group", [])
        # KIND_AUTO, which Triton has resolved by now, would be an absent kind.
        return "gpu" if any(it.get("kind") == "KIND_GPU" for it in groups) else "cpu"

    def prove(self, release: Release, timeout_seconds: float) -> CanaryResult:
        """Replay all golden inputs at once."""
        return replay_all(self.connection, release, timeout_seconds=timeout_seconds)

    def counts(self) -> dict[str, ModelCounts]:
        """What every loaded model has done.

        Raises:
            CallFailed: the server does not answer, not even that.
        """
        return self.connection.statistics(_ASK_SECONDS)

    def probe_tensors(self, release: Release, step: str) -> list[tuple[TensorSpec, bytes]]:
        """A small valid request for one step: a golden input, and zeros for everything else."""
        try:
            golden = release.golden[0].file.read_bytes()
        except OSError:  # then none: what cannot be decoded is answered, too
            golden = b""
        return [_filled(tensor, golden) for tensor in self._inputs(release, step)]

    def _inputs(self, release: Release, step: str) -> list[dict[str, Any]]:
        """What a step takes; of one that never came up its own file tells, without a wait."""
        model = release.name.step(step)
        config = self._configs.get(model)
        if config is None:
            try:
                config = read_config(release.repository / model / CONFIG_FILE)
            except ReleaseBroken:  # what is gone from the disk cannot be asked
                return []
        return list(config.get("input", []))


def _filled(declared: dict[str, Any], golden: bytes) -> tuple[TensorSpec, bytes]:
    shape = tuple(int(size) for size in declared["dims"])
    dtype = str(declared["data_type"]).removeprefix("TYPE_")
    if dtype == "STRING":
        return TensorSpec(declared["name"], "BYTES", shape), encode_bytes_tensor([golden])
    return TensorSpec(declared["name"], dtype, shape), bytes(math.prod(shape) * _SIZE_OF[dtype])
