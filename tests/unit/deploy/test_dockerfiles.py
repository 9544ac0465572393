from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from triptych.stack.settings import StackSettings

PROJECT: Final = Path(__file__).resolve().parents[3]
DOCKERFILES: Final = ("Dockerfile.triton", "deploy/Dockerfile.gateway", "deploy/Dockerfile.ui")


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def final_stage(name: str) -> str:
    return text(name).rpartition("\nFROM ")[2]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_finds_nothing(name: str) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "make setup-dev brings it"

    done = subprocess.run([hadolint, name], cwd=PROJECT, check=False, capture_output=True)

    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_says_who_it_is_how_it_is_and_how_it_ends(name: str) -> None:
    stage = final_stage(name)

    assert "\nUSER 10001:10001\n" in stage
    assert "\nHEALTHCHECK " in stage
    assert "\nSTOPSIGNAL SIGTERM\n" in stage
    assert re.search(r"^CMD \[", stage, re.MULTILINE)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_an_image_is_made_with_is_not_in_it(name: str) -> None:
    stage = final_stage(name)

    assert text(name).count("\nFROM ${BASE_IMAGE}") == 2
    assert not re.search(r"\b(pip|apt-get|curl|wget|uv)\b", stage)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_wheel_is_held_against_its_hash(name: str) -> None:
    (locks,) = re.findall(r"image\.py wheels /opt/triptych (.+)", text(name))
    for lock in locks.replace("${LOCKS}", "triton server").split():
        pinned = re.findall(r"^\S+==", text(f"requirements/{lock}.txt"), re.MULTILINE)
        assert pinned
        assert text(f"requirements/{lock}.txt").count("\n    --hash=sha256:") >= len(pinned)
    assert '"--require-hashes"' in text("requirements/image.py")


@pytest.mark.parametrize("lock", ["triton", "server", "gateway", "ui", "build"])
def test_what_an_image_has_is_what_the_tests_run_with(lock: str) -> None:
    pins = {line for line in text(f"requirements/{lock}.txt").splitlines() if "==" in line}
    serving = set(text("requirements/serve.txt").splitlines())

    assert pins <= serving


def test_the_state_folder_is_where_the_settings_say() -> None:
    variables = dict(re.findall(r"(TRIPTYCH_\w+)=(\S+)", text("Dockerfile.triton")))

    assert f"--mode 0700 {variables['TRIPTYCH_STATE_DIR']}\n" in text("Dockerfile.triton")
    assert {it.removeprefix("TRIPTYCH_").lower() for it in variables} <= set(
        StackSettings.model_fields
    )


def test_the_build_sees_no_secret_and_no_model() -> None:
    allowed = [line for line in text(".dockerignore").splitlines() if line.startswith("!")]

    assert "*" in text(".dockerignore").splitlines()
    assert not {"!deploy", "!model_repository", "!.triptych", "!."} & set(allowed)
