"""A full disk, and an export that is killed: nothing half-written is ever found."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.export.export_command import as_arguments, assert_refused, run_export
from tests.export.exported_sources import ExportedSources
from triptych.release import find_releases

PROJECT = Path(__file__).resolve().parents[2]
# For frameworks to be imported, and then for a Triton that hangs to be given up; less than the 60
# after which the start would be given up by itself.
PATIENCE_SECONDS = 40.0


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of a few kilobytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs"]
    mounted = subprocess.run(["mount", *options, folder], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mounting needs root: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


# The first is full while the models are staged, the second when the golden inputs follow.
@pytest.mark.parametrize("small_disk", [12, 48], indirect=True)
def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_disk: Path, exports: ExportedSources
) -> None:
    source = exports.source("torch-safetensors")
    options = as_arguments(source.options, tmp_path)
    own = ("--golden", exports.pictures)

    ended = run_export(monkeypatch, small_disk / "models", source.source, *options, *own)

    assert_refused(ended, small_disk / "models", "No space left on device")


def start_export(arguments: list[object], log_file: Path) -> subprocess.Popen[bytes]:
    with log_file.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "triptych", "export", *map(str, arguments)],
            cwd=PROJECT,
            env={**os.environ, "TMPDIR": str(log_file.parent)},  # a kill leaves things there
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:  # since it was listed
        return ""


def wait_for_triton(
    export: subprocess.Popen[bytes], log: Path
) -> tuple[psutil.Process, list[psutil.Process]]:
    """Triton, once it loads a backend, and everything that the export started."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert export.poll() is None, log.read_text()
        started = psutil.Process(export.pid).children(recursive=True)
        by_name = {name_of(process): process for process in started}
        if "tritonserver" in by_name and any("stub" in name for name in by_name):
            return by_name["tritonserver"], started
        time.sleep(0.02)
    raise AssertionError(f"no Triton was started: {log.read_text()}")


def test_an_export_that_is_killed_while_serving_leaves_no_release_and_no_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    monkeypatch.setenv("TRIPTYCH_EXIT_TIMEOUT_SECONDS", "1")
    source = exports.source("torch-safetensors")
    options = as_arguments(source.options, tmp_path)
    where = ("--name", "colours", "--model-repository", tmp_path / "models")
    export = start_export([source.source, *where, *options], tmp_path / "log")
    triton, started = wait_for_triton(export, tmp_path / "log")
    triton.suspend()  # else it might be done and gone by itself, before anybody notices

    export.kill()
    export.wait()

    _, left = psutil.wait_procs(started, timeout=PATIENCE_SECONDS)
    for process in left:
        process.kill()
    assert left == []
    assert list(find_releases(tmp_path / "models")) == []
    visible = [file for file in (tmp_path / "models").iterdir() if file.name[0] != "."]
    assert visible == []
