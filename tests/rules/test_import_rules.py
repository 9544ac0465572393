"""Who may import whom: the table of ARCHITECTURE.md as data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from tests.rules.source_files import Import, find_imports, imports_of, is_within, python_files, read

STANDARD: Final = frozenset(sys.stdlib_module_names)
ROOMS: Final = ("python_backends", "triptych", "gateway", "ui", "benchmarks", "examples")
OURS: Final = frozenset({*ROOMS, "tests", "requirements"})
HEAVY: Final = frozenset({"torch", "torchvision", "transformers", "tensorflow", "keras", "jax"})

# Folder or file -> what of ours it may import.
OUR_OWN: Final = {
    "python_backends": frozenset({"python_backends"}),
    "python_backends/shared/contract.py": frozenset({"python_backends.shared.errors"}),
    "python_backends/shared/errors.py": frozenset[str](),
    "triptych": frozenset({"triptych", "python_backends.shared"}),
    "triptych/routing": frozenset({"triptych.routing"}),
    "triptych/plans": frozenset(
        {
            "triptych.plans",
            "triptych.engines",
            "triptych.engine_configs",
            "triptych.errors",
            "triptych.release",
            "triptych.stack",
            "python_backends.shared",
        }
    ),
    "gateway": frozenset(
        {
            "gateway",
            "python_backends.shared.contract",
            "python_backends.shared.errors",
            "triptych.routing",
        }
    ),
    "gateway/rollouts": frozenset({"gateway.rollouts"}),
    "gateway/settings.py": frozenset[str](),
    "gateway/errors.py": frozenset[str](),
    "ui": frozenset({"ui"}),
    "benchmarks": frozenset(
        {
            "benchmarks",
            "triptych.client",
            "triptych.routing",
            "triptych.stack",
            "gateway.rollouts",
            "python_backends",
        }
    ),
    "examples": frozenset({"examples", "triptych", "python_backends"}),
}

# Folder or file -> which libraries it may import, where their number is limited.
OF_OTHERS: Final = {
    "python_backends": frozenset(
        {
            "numpy",
            "PIL",
            "simplejpeg",
            "cykooz_resizer",
            "tokenizers",
            "onnxruntime",
            "openvino",
            "cupy",
            "nvidia",
            "triton_python_backend_utils",
        }
    ),
    "python_backends/shared/contract.py": frozenset[str](),
    "python_backends/shared/errors.py": frozenset[str](),
    "triptych/routing": frozenset[str](),
    "gateway/rollouts": frozenset[str](),
    "gateway/errors.py": frozenset[str](),
    "ui": frozenset({"streamlit", "httpx", "pandas"}),
}

# Module -> the only files that may import it.
ONLY_IN: Final = {
    "triton_python_backend_utils": {"python_backends/shared/triton_io.py"},
    "cupy": {"python_backends/shared/cuda.py"},
    "nvidia": {"python_backends/shared/image_decode_gpu.py"},
    "pydantic_settings": {"gateway/settings.py", "triptych/stack/settings.py"},
}

# Besides the route modules: wiring, the ASGI middleware, and how a request's body is read.
KNOWS_FASTAPI: Final = frozenset(
    {
        "main",
        "routes",
        "dependencies",
        "error_responses",
        "middleware",
        "lingering_close",
        "one_sentence_refusal",
        "metrics_listener",
        "request_body",
        "bare_route",
        "stopping",
        "predict_bodies",
        "disconnect",
        "front_door",
        "admin_body",
        "admin_desk",
        "form_files",
    }
)
# Imported by name, when one of them is asked for.
SOURCES: Final = Path("triptych/export/sources")
WITHOUT_STREAMLIT: Final = ("ui/settings.py", "ui/calls", "ui/plain_words.py", "ui/view_models.py")


def all_imports(*places: str) -> list[tuple[Path, Import]]:
    found = [(file, found) for file in python_files(*places) for found in imports_of(file)]
    assert found, f"there is nothing to look at in {places}"
    return found


def assert_none(found: list[tuple[Path, Import]]) -> None:
    told = [f"{file}:{entry.line} imports {entry.module}" for file, entry in found]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("place", OUR_OWN)
def test_a_room_imports_only_the_rooms_that_it_may(place: str) -> None:
    of_ours = [entry for entry in all_imports(place) if is_within(entry[1].module, OURS)]

    assert_none([entry for entry in of_ours if not is_within(entry[1].module, OUR_OWN[place])])


@pytest.mark.parametrize("place", OF_OTHERS)
def test_a_room_with_a_list_of_libraries_imports_no_other(place: str) -> None:
    allowed = OF_OTHERS[place] | STANDARD | OURS
    strangers = [entry for entry in all_imports(place) if not is_within(entry[1].module, allowed)]

    assert_none(strangers)


@pytest.mark.parametrize("module", ONLY_IN)
def test_some_modules_have_one_home(module: str) -> None:
    importers = {
        str(file)
        for file, found in all_imports(*ROOMS)
        if is_within(found.module, frozenset({module}))
    }

    assert importers == ONLY_IN[module]


def test_only_the_http_edge_of_the_gateway_knows_fastapi() -> None:
    edge = [
        (file, found)
        for file, found in all_imports("gateway")
        if is_within(found.module, frozenset({"fastapi", "starlette", "fastapi_offline"}))
        and not (file.stem in KNOWS_FASTAPI or file.stem.endswith("_routes"))
    ]

    assert_none(edge)


@pytest.mark.parametrize("place", WITHOUT_STREAMLIT)
def test_what_pages_are_made_of_does_not_know_streamlit(place: str) -> None:
    modules = {found.module for _, found in all_imports(place)}

    assert not any(is_within(module, frozenset({"streamlit"})) for module in modules)


def test_heavy_libraries_are_imported_by_no_room_that_serves() -> None:
    serving = [room for room in ROOMS if room != "examples"]
    heavy = [entry for entry in all_imports(*serving) if is_within(entry[1].module, HEAVY)]

    early = [entry for entry in heavy if not entry[1].is_inside_function]
    assert_none([entry for entry in early if entry[0].parent != SOURCES])


def test_the_sources_with_their_frameworks_are_imported_by_nobody_but_themselves() -> None:
    sources = frozenset({"triptych.export.sources"})
    others = [entry for entry in all_imports(*ROOMS) if entry[0].parent != SOURCES]

    assert_none([entry for entry in others if is_within(entry[1].module, sources)])


def test_all_imports_are_absolute() -> None:
    assert_none([entry for entry in all_imports(*OURS) if entry[1].level])


def test_an_import_inside_a_function_has_a_comment_with_the_reason() -> None:
    unexplained = [
        (file, found)
        for file, found in all_imports(*OURS)
        if found.is_inside_function and not has_reason(read(file).splitlines(), found.line)
    ]

    assert_none(unexplained)


def has_reason(lines: list[str], number: int) -> bool:
    """Whether a comment stands on the line or above its block of imports; a bare noqa is none."""
    _, _, comment = lines[number - 1].partition("#")
    if comment and (not comment.strip().startswith("noqa") or " - " in comment):
        return True
    above = number - 2
    while "import " in lines[above]:
        above -= 1
    return lines[above].strip().startswith("#")


def test_the_finder_of_imports_sees_every_form() -> None:
    source = """
import a.b as c, d
from python_backends.shared import contract, no_such_module
from .near import e
def f():
    async def g():
        import heavy
"""
    assert set(find_imports(source)) == {
        Import("a.b", 2, 0, is_inside_function=False),
        Import("d", 2, 0, is_inside_function=False),
        Import("python_backends.shared.contract", 3, 0, is_inside_function=False),
        Import("python_backends.shared", 3, 0, is_inside_function=False),
        Import("near", 4, 1, is_inside_function=False),
        Import("heavy", 7, 0, is_inside_function=True),
    }


@pytest.mark.parametrize(
    ("module", "is_allowed"),
    [
        ("triptych.routing", True),
        ("triptych.routing.more", True),
        ("triptych", False),
        ("triptych.routing_table", False),
        ("python_backends.shared", False),
        ("python_backends.shared.contract", True),
    ],
)
def test_a_rule_covers_a_module_and_what_lies_in_it_and_nothing_that_only_begins_alike(
    module: str, is_allowed: bool
) -> None:
    assert is_within(module, OUR_OWN["gateway"]) is is_allowed


@pytest.mark.parametrize(
    ("source", "explained"),
    [
        ("import torch  # a heavy optional extra", True),
        ("import torch  # noqa: PLC0415 - a heavy optional extra", True),
        ("import torch  # noqa: PLC0415", False),
        ("import torch", False),
        ("# a heavy optional extra\n    import torch\n    import torchvision", True),
    ],
)
def test_a_reason_is_a_comment_that_says_something(source: str, explained: bool) -> None:
    lines = ["def train():", *(f"    {line.strip()}" for line in source.splitlines())]

    assert has_reason(lines, len(lines)) is explained
