"""Flags: tests against the real server and the real browser run only when asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from triptych.stack import ports

# Without its flag a folder is skipped; with the flag a missing server is a failure.
NEEDED_FLAG = {
    "integration": "--run-triton",
    "e2e": "--run-browser",
    "export": "--run-export",
    "faults": "--run-faults",
    "manifests": "--run-manifests",
    "containers": "--run-containers",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-triton", action="store_true", help="run tests against a real Triton")
    parser.addoption("--run-browser", action="store_true", help="run tests in a real Chromium")
    parser.addoption(
        "--run-export", action="store_true", help="run tests of exporting, from .venv-export"
    )
    parser.addoption("--run-manifests", action="store_true", help="render deploy/kubernetes")
    parser.addoption("--run-containers", action="store_true", help="build and run images")
    parser.addoption("--run-faults", action="store_true", help="hurt running stacks")
    parser.addoption("--run-long", action="store_true", help="run what `make test-long` adds")
    parser.addoption("--fault-rounds", type=int, default=1, help="how often each fault is made")
    parser.addoption("--all-faults", action="store_true", help="the long form: none is left out")
    parser.addoption("--write-table", action="store_true", help="write docs/reliability.md")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(config.rootpath).parts[1]
        flag = NEEDED_FLAG.get(folder)
        if flag and not config.getoption(flag):
            # As CONTRIBUTING says: without its flag a folder is skipped.
            item.add_marker(pytest.mark.skip(reason=f"needs {flag}"))
    if not config.getoption("--run-long"):
        _leave_out_long_ones(config, items)


def _leave_out_long_ones(config: pytest.Config, items: list[pytest.Item]) -> None:
    long_ones = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long_ones)
    items[:] = [item for item in items if item not in long_ones]


@pytest.fixture(scope="session", autouse=True)
def ports_of_ones_own(request: pytest.FixtureRequest) -> Iterator[None]:
    """What one pytest-xdist worker finds free another would, before anybody listens there."""
    worker: dict[str, str | int] = getattr(request.config, "workerinput", {"workercount": 1})
    count = int(worker["workercount"])
    # One that takes the place of one that crashed has the next number.
    number = int(str(worker.get("workerid", "gw0")).removeprefix("gw")) % count
    share = len(ports.CHOICE) // count
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ports, "CHOICE", ports.CHOICE[number * share : (number + 1) * share])
        yield
