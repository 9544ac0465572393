"""Frameworks are imported once and only if asked for; every source is exported at most once."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.export.exported_sources import ExportedSources

HERE = Path(__file__).parent
FRAMEWORKS = ("torch", "transformers", "tensorflow", "keras", "onnx")
# Frameworks warn of themselves; from our own code a warning is an error as everywhere.
WARNINGS = ("ignore", r"error:::(triptych|python_backends|benchmarks|tests)\b")
# One export starts a Triton, and this machine may be busy.
TIMEOUT_SECONDS = 400


class UnaskedModule(pytest.Module):
    """A test module that is not imported: the light environment has none of the frameworks."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        pytest.skip("needs --run-export", allow_module_level=True)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--run-export"):
        return
    os.environ["HF_HUB_OFFLINE"] = "1"  # no test asks the hub for anything
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return  # only the workers of pytest-xdist read the modules, and the import takes its time
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for framework in FRAMEWORKS:
            importlib.import_module(framework)
    # On a busy machine a second thread of so small a network waits longer than it computes.
    sys.modules["torch"].set_num_threads(1)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    if parent.config.getoption("--run-export"):
        return None
    return UnaskedModule.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))
            for rule in WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(rule))


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> ExportedSources:
    """Releases of all sources in one repository, each made when it is first asked for."""
    # It imports every framework, and this module is read in the light environment, too.
    from tests.export.exported_sources import ExportedSources  # noqa: PLC0415 - see above

    return ExportedSources(tmp_path_factory.mktemp("exports"))
