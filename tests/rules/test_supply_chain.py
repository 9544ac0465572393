"""What is installed is locked by hash, and what starts fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

PROJECT: Final = Path(__file__).resolve().parents[2]
LOCKS: Final = sorted(
    it for it in (PROJECT / "requirements").glob("*.txt") if not it.stem.endswith("-overrides")
)
# By version only: which build it is, is the installer's choice (requirements/torch.txt).
WITHOUT_HASHES: Final = {"torch"}
# Programs that fetch, at a start or a health check. `triptych` and `python` start what is there.
FETCHES: Final = re.compile(r"\b(pip3?|uv|apt(-get)?|npm|npx|git|wget|curl|huggingface-cli)\b")
# A health check asks the container itself.
ITSELF: Final = re.compile(r"\b(wget|curl)\b[^|;&]*\b(localhost|127\.0\.0\.1)\b")


def requirements(lock: Path) -> Iterator[str]:
    """Each requirement of a lock with what belongs to it, in one line."""
    text = re.sub(r"^\s*#.*\n?", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            yield line.strip()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda it: str(it.stem))
def test_every_locked_version_is_exact_and_has_its_hashes(lock: Path) -> None:
    found = list(requirements(lock))

    assert found
    for line in found:
        name = re.match(r"([\w.-]+)==[\w.+!-]+", line)
        assert name, line
        assert "--hash=sha256:" in line or name[1] in WITHOUT_HASHES, line


def test_a_lock_line_is_read_whole(tmp_path: Path) -> None:
    lock = tmp_path / "some.txt"
    lock.write_text("# why\na==1 ; x < '4' \\\n    --hash=sha256:0\n    # via b\nb==2\n")

    assert [line.split()[0] for line in requirements(lock)] == ["a==1", "b==2"]


def starts() -> Iterator[tuple[str, str]]:
    """Where it stands -> what a container of ours runs when it starts or is asked how it is."""
    for file in [*PROJECT.glob("Dockerfile*"), *(PROJECT / "deploy").glob("Dockerfile*")]:
        text = file.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\s*(?:CMD|ENTRYPOINT|HEALTHCHECK)\b.*$", text, re.MULTILINE):
            yield file.name, line
    for file in (PROJECT / "deploy" / "kubernetes").rglob("*.yaml"):
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            for words in commands(document):
                yield file.name, words
    for file in (PROJECT / "deploy").glob("compose*.yaml"):
        services = yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
        for name, service in services.items():
            told = (service.get("entrypoint"), service.get("command"))
            yield f"{file.name}: {name}", " ".join(map(str, told))


def commands(node: Any) -> Iterator[str]:
    """Every `command` and `args` below, as words."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"command", "args"}:
                yield " ".join(map(str, value))
            else:
                yield from commands(value)
    elif isinstance(node, list):
        for item in node:
            yield from commands(item)


def test_no_container_fetches_anything_when_it_starts() -> None:
    found = list(starts())

    assert found
    assert not [(where, what) for where, what in found if FETCHES.search(ITSELF.sub("", what))]
