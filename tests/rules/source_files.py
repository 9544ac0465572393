"""The Python files of the repository as git sees them, and the imports in them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """One imported module; `level` is the number of leading dots."""

    module: str
    line: int
    level: int
    is_inside_function: bool


@cache
def python_files(*folders: str) -> tuple[Path, ...]:
    """Tracked files and new ones that git does not ignore, relative to the project."""
    command = [
        "git",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *folders,
    ]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    files = (Path(name) for name in listed.split("\0") if name.endswith(".py"))
    return tuple(sorted(file for file in files if (PROJECT / file).is_file()))


def read(file: Path) -> str:
    return (PROJECT / file).read_text(encoding="utf-8")


@cache
def imports_of(file: Path) -> tuple[Import, ...]:
    return tuple(find_imports(read(file)))


def find_imports(source: str) -> Iterator[Import]:
    """Name every imported module; `from a import b` is a.b where that is a module of ours."""
    tree = ast.parse(source)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in _modules(node):
                level = node.level if isinstance(node, ast.ImportFrom) else 0
                yield Import(module, node.lineno, level, id(node) in inside)


def _modules(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return set(names)
    package = node.module or ""
    return {f"{package}.{name}" if _is_ours(package, name) else package for name in names}


def _is_ours(package: str, name: str) -> bool:
    place = PROJECT.joinpath(*package.split("."))
    return (place / f"{name}.py").is_file() or (place / name / "__init__.py").is_file()


def is_within(module: str, allowed: frozenset[str]) -> bool:
    """Whether the module, or a package that it lies in, is one of these."""
    parts = module.split(".")
    return any(".".join(parts[:length]) in allowed for length in range(1, len(parts) + 1))
