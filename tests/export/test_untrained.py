"""Random weights agree with themselves, which proves nothing; and a dry run writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.export.export_command import NOT_PROMOTABLE, as_arguments, run_export
from tests.export.exported_sources import FACTORY, TRANSFORM, ExportedSources
from triptych.export.loaded_model import SourceOptions


def test_agreement_of_random_weights_is_called_meaningless(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = as_arguments(SourceOptions(transform=TRANSFORM), tmp_path)

    ended = run_export(monkeypatch, tmp_path / "models", FACTORY, *options)

    assert ended.exit_code == NOT_PROMOTABLE, ended.errors
    assert "agreement not meaningful: the weights are random" in ended.output
    certificate = json.loads((tmp_path / "models/colours_r1/release.json").read_text())
    assert certificate["promotable"] is False
    assert certificate["source"]["checkpoint"] == "none: random weights"
    assert certificate["parity"]["is_meaningful"] is False
    assert certificate["parity"]["top_1_agreement"] == 1.0  # so it is not that which failed


def test_a_dry_run_does_everything_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    source = exports.source("torch-safetensors")
    options = as_arguments(source.options, tmp_path)
    own = ("--golden", exports.pictures)

    ended = run_export(monkeypatch, tmp_path / "models", source.source, *options, *own, "--dry-run")

    assert ended.exit_code == 0, ended.errors
    assert "100.00% of 18 golden inputs agree" in ended.output
    assert ended.output.endswith("Dry run: nothing was written.\n")
    assert not (tmp_path / "models").exists()
