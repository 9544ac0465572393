from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from gateway.error_responses import CODES, HTTP_STATUS
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings
from triptych.stack.settings import StackSettings
from triptych.supervisor.metrics import SupervisorMetrics
from ui.settings import UiSettings

PROJECT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<value>[^|]*) \|", re.MULTILINE)


def documented(page: str) -> dict[str, str]:
    """First and second column of a page's tables."""
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    return {match["name"]: match["value"].strip().strip("`") for match in ROW.finditer(text)}


def settings_with_defaults() -> dict[str, Any]:
    return {
        **{f"TRIPTYCH_{k.upper()}": v.default for k, v in StackSettings.model_fields.items()},
        **{f"GATEWAY_{k.upper()}": v.default for k, v in GatewaySettings.model_fields.items()},
        **{f"UI_{field.name.upper()}": field.default for field in fields(UiSettings)},
    }


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    assert set(documented("settings.md")) == set(settings_with_defaults())


def test_the_documented_default_of_a_setting_is_its_default() -> None:
    page = documented("settings.md")
    for name, default in settings_with_defaults().items():
        if default is None or default == ():
            continue  # told in words
        if isinstance(default, tuple):
            assert page[name] == ",".join(default), name
        elif isinstance(default, bool):
            assert page[name] == str(default).lower(), name
        elif isinstance(default, int | float):
            assert float(page[name]) == default, name
        else:
            assert page[name] == str(default), name


def test_every_error_code_is_documented_with_its_status() -> None:
    page = documented("errors.md")

    assert {
        error.code: str(status) for error, status in HTTP_STATUS.items()
    }.items() <= page.items()


def test_every_code_that_an_answer_can_hold_is_documented_and_no_other_is() -> None:
    text = (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    codes = [code for cell in cells for code in re.findall(r"`(\w+)`", cell)]

    assert sorted(codes) == sorted(CODES)


@pytest.mark.parametrize(
    ("prefix", "exposition"),
    [
        ("triptych_gateway", lambda: GatewayMetrics().exposition()),
        ("triptych_supervisor", lambda: SupervisorMetrics().exposition()),
    ],
)
def test_every_metric_is_documented_and_nothing_else(
    prefix: str, exposition: Callable[[], bytes]
) -> None:
    text = (PROJECT / "docs" / "observability.md").read_text(encoding="utf-8")
    documented = re.findall(rf"^\| `({prefix}_\w+)` \|", text, re.MULTILINE)
    served = re.findall(r"^# TYPE (\w+) ", exposition().decode(), re.MULTILINE)

    assert sorted(documented) == sorted(name for name in served if not name.endswith("_created"))


def make_targets() -> set[str]:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w-]+):(?!=)", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    named = re.findall(r"(?:^|`)make ([a-z0-9-]+)", text, re.MULTILINE)

    assert set(named) <= make_targets()
    if page != "ARCHITECTURE.md":
        assert named


PAGES = ["README.md", *sorted(f"docs/{file.name}" for file in (PROJECT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_picture_of_a_page_leads_to_a_file(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    links += re.findall(r'(?:src|srcset)="([^"]+)"', text)

    where = (PROJECT / page).parent
    assert [link for link in links if not (where / link).exists()] == []
    assert links or page != "README.md"


def test_make_help_lists_every_target_that_says_what_it_is_for() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    explained = re.findall(r"^([\w-]+):.*## ", makefile, re.MULTILINE)

    command = ["make", "--no-print-directory", "help"]
    said = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout

    assert [line.split()[0] for line in said.splitlines()] == explained
