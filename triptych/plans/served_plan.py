"""How Triton sees a plan: beside model.onnx in the serving view, or under a name of its own.

Nothing is written into model_repository/.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from triptych.engine_configs import CONFIG_FILE
from triptych.engines import TENSORRT, config_file
from triptych.plans.plan_store import PLAN_FILE
from triptych.release import Release
from triptych.stack.serving_view import link

_VERSION: Final = "1"


@dataclass(frozen=True)
class TrialModels:
    """A second pipeline over the same pre- and postprocessing, whose model step is the plan."""

    ensemble: str
    model: str

    @classmethod
    def of(cls, release: Release) -> TrialModels:
        """Their names, which are those of no release."""
        return cls(f"{release.name}_plan", f"{release.name}_plan_model")


def link_plan(view: Path, release: Release, plan: Path) -> None:
    """Show the model step with the plan beside its ONNX; what it is served from stays the same.

    The link is replaced in one step: whatever Triton loads meanwhile finds one or the other.
    """
    model = release.model_folder()
    folder = plan.parent / model.name
    version = folder / _VERSION
    version.mkdir(parents=True, exist_ok=True)
    for entry in (*model.iterdir(), *(model / _VERSION).iterdir()):
        if entry.name != _VERSION:
            link(folder / entry.relative_to(model), entry.resolve())
    link(version / PLAN_FILE, plan.resolve())
    link(view / model.name, folder.resolve())


def write_trial(view: Path, release: Release, plan: Path) -> TrialModels:
    """Show the plan as a model of its own, and an ensemble around it."""
    names = TrialModels.of(release)
    remove_trial(view, names)
    model = _parsed(config_file(release.model_folder(), TENSORRT))
    model.name = names.model
    _write(view / names.model, model)
    link(view / names.model / _VERSION / PLAN_FILE, plan.resolve())
    ensemble = _parsed(release.repository / str(release.name) / CONFIG_FILE)
    ensemble.name = names.ensemble
    for step in ensemble.ensemble_scheduling.step:
        if step.model_name == release.name.step("model"):
            step.model_name = names.model
    _write(view / names.ensemble, ensemble)
    return names


def remove_trial(view: Path, names: TrialModels) -> None:
    """Show them no more."""
    for name in (names.ensemble, names.model):
        shutil.rmtree(view / name, ignore_errors=True)


def _parsed(file: Path) -> Any:  # noqa: ANN401 - protobuf has no types
    return text_format.Parse(file.read_text(), model_config_pb2.ModelConfig())


def _write(folder: Path, config: Any) -> None:  # noqa: ANN401 - protobuf has no types
    (folder / _VERSION).mkdir(parents=True)
    (folder / CONFIG_FILE).write_text(text_format.MessageToString(config))
