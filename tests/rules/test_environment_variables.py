from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.rules.source_files import python_files, read

READERS: Final = frozenset({"environ", "environb", "getenv", "putenv", "unsetenv", "expandvars"})
# One settings.py per room reads variables; these pass all of them on to a child process.
ALLOWED: Final = frozenset(
    {
        "ui/settings.py",
        "gateway/process/worker_pool.py",
        "triptych/stack/services.py",
        "triptych/stack/triton_install.py",
        "benchmarks/perf_analyzer.py",
        "requirements/image.py",
        "requirements/install.py",
        "requirements/system_packages.py",
    }
)


def uses_of_the_environment(source: str) -> Iterator[int]:
    """The lines that touch os.environ and its kin, by attribute or by imported name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in READERS:
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module in {"os", "os.path", "posix"}:
            yield from (node.lineno for alias in node.names if alias.name in READERS)


def users(files: tuple[Path, ...]) -> set[str]:
    return {str(file) for file in files if any(uses_of_the_environment(read(file)))}


def test_environment_variables_are_read_in_one_place_per_room() -> None:
    outside_tests = tuple(file for file in python_files() if file.parts[0] != "tests")

    assert users(outside_tests) <= ALLOWED


def test_the_list_names_nobody_who_does_not_need_it() -> None:
    assert users(tuple(Path(name) for name in ALLOWED)) == ALLOWED


def test_every_way_to_the_environment_is_seen() -> None:
    source = "import os\nos.environ['A']\nfrom os import getenv\nos.path.expandvars('$A')\n"

    assert list(uses_of_the_environment(source)) == [3, 2, 4]
