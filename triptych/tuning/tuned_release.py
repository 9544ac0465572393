"""Write a setting as a new release: the same files, other numbers in config.pbtxt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from python_backends.shared.contract import STEP_NAMES
from triptych.engine_configs import CONFIG_FILE
from triptych.engines import TENSORRT, config_file
from triptych.errors import ReleaseBroken
from triptych.export.provenance import git_commit
from triptych.export.publishing import move_into_place, next_number, writing_folder
from triptych.release import CERTIFICATE, Release, find_releases, sha256
from triptych.routing import ReleaseName
from triptych.tuning.knobs import (
    MODEL_INSTANCES,
    MODEL_THREADS,
    Knob,
    Setting,
    Steps,
    apply,
    read_engines,
    read_steps,
    to_text,
)

_CONFIGURATION: Final = ".pbtxt"


def write_tuned(
    release: Release, knobs: Mapping[str, Knob], setting: Setting, report: Mapping[str, object]
) -> ReleaseName:
    """Write the next release of the same name; the one that was tuned stays as it is.

    Args:
        release: What was tuned.
        knobs: Of that release.
        setting: What is to be set.
        report: What was measured, JSON-able; release.json keeps it as "tuned".

    Returns:
        The new release's name.

    Raises:
        ReleaseExists: somebody else took the number meanwhile.
        ReleaseBroken: a file of the old one is not what was released.
    """
    alias = release.name.alias
    new = ReleaseName(alias, next_number(release.repository, alias))
    steps = read_steps(release)
    apply(steps, knobs, setting)
    _rename(steps, release.name, new)
    engines = read_engines(release)
    for file, config in engines.items():
        wanted = setting if file.stem == release.engine else _of_any_engine(setting, file.stem)
        apply({**steps, "model": config}, knobs, wanted)
        _drop_larger_graphs(config)
        config.name = new.step("model")
    with writing_folder(release.repository) as scratch:
        for step in STEP_NAMES:
            target = scratch / new.step(step)
            shutil.copytree(release.repository / release.name.step(step), target)
            (target / CONFIG_FILE).write_text(to_text(steps[step]))
        for file, config in engines.items():
            config_file(scratch / new.step("model"), file.stem).write_text(to_text(config))
        _write_certificate(scratch, release, new, steps[""].max_batch_size, report)
        move_into_place(scratch, release.repository, new)
    return new


def find_tuned(release: Release, setting: Setting) -> ReleaseName | None:
    """The release that was written before with the same setting when this one was tuned."""
    for name in sorted(find_releases(release.repository)):
        file = release.repository / str(name) / CERTIFICATE
        with suppress(OSError, ValueError, KeyError, TypeError):  # it is broken, or was not tuned
            tuned = json.loads(file.read_text(encoding="utf-8"))["tuned"]
            is_same = (tuned["from"], tuned["after"]["setting"]) == (str(release.name), setting)
            if is_same and name.alias == release.name.alias:
                return name
    return None


def _of_any_engine(setting: Setting, engine: str) -> Setting:
    """Without what no trial has tried on other engines: threads, and instances on a card."""
    untried = {MODEL_THREADS, MODEL_INSTANCES} if engine == TENSORRT else {MODEL_THREADS}
    return {name: value for name, value in setting.items() if name not in untried}


def _drop_larger_graphs(config: Any) -> None:  # noqa: ANN401 - protobuf has no types
    """A CUDA graph of a batch that never comes would keep a plan from being loaded."""
    graphs = config.optimization.cuda.graph_spec if config.HasField("optimization") else []
    for number in reversed(range(len(graphs))):
        if graphs[number].batch_size > config.max_batch_size:
            del graphs[number]


def _rename(steps: Steps, old: ReleaseName, new: ReleaseName) -> None:
    models = {old.step(step): new.step(step) for step in STEP_NAMES}
    for step, config in steps.items():
        config.name = new.step(step)
    for part in steps[""].ensemble_scheduling.step:
        part.model_name = models[part.model_name]


def _write_certificate(
    scratch: Path,
    release: Release,
    new: ReleaseName,
    max_batch_size: int,
    report: Mapping[str, object],
) -> None:
    old_file = release.repository / str(release.name) / CERTIFICATE
    body: dict[str, Any] = json.loads(old_file.read_text(encoding="utf-8"))
    body |= {
        "number": new.number,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_commit": git_commit(Path(__file__).parent),
        "max_batch_size": max_batch_size,
        "artifacts": _hashes(scratch, release, new),
        "tuned": {"from": str(release.name), **report},
    }
    text = json.dumps(body, indent=2, ensure_ascii=False)
    (scratch / str(new) / CERTIFICATE).write_text(text + "\n", encoding="utf-8")


def _hashes(scratch: Path, release: Release, new: ReleaseName) -> dict[str, str]:
    """Of the same files as before, under their new names; only configurations may differ.

    Raises:
        ReleaseBroken: another does.
    """
    models = {release.name.step(step): new.step(step) for step in STEP_NAMES}
    found = {}
    for path in release.artifacts:
        model, _, rest = path.partition("/")
        digest = sha256(scratch / models[model] / rest)
        if digest != release.artifacts[path] and not rest.endswith(_CONFIGURATION):
            raise ReleaseBroken(f"{release.name} was edited: {path} is not what was released.")
        found[f"{models[model]}/{rest}"] = digest
    return found
