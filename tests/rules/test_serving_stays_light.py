"""The serving environment holds nothing that only training and exporting need."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version

import pytest


@pytest.mark.parametrize("package", ["torch", "tensorflow", "transformers", "sklearn"])
def test_no_training_framework_is_installed(package: str) -> None:
    assert importlib.util.find_spec(package) is None


def test_nothing_is_installed_that_tells_openvinos_maker_of_every_import() -> None:
    assert importlib.util.find_spec("openvino") is not None
    assert importlib.util.find_spec("openvino_telemetry") is None


def test_numpy_and_pyarrow_are_what_tritons_stub_can_bear() -> None:
    assert int(version("numpy").partition(".")[0]) < 2
    assert int(version("pyarrow").partition(".")[0]) < 26
