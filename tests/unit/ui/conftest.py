from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import FakeClock, FakeGateway
from ui.services import Services, build_services
from ui.settings import UiSettings


def view_script(services: object, name: str) -> None:
    # AppTest runs the text of this function alone, so its imports have to be inside.
    from ui.frame import current_scene  # noqa: PLC0415 - AppTest runs the function alone
    from ui.navigation import ENTRIES  # noqa: PLC0415 - as above
    from ui.services import Services  # noqa: PLC0415 - as above

    assert isinstance(services, Services)
    entry = next(entry for entry in ENTRIES if entry.name == name)
    entry.show(current_scene(services))


@pytest.fixture(autouse=True)
def _no_search_for_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep AppTest from searching every installed package for Streamlit components.

    It does so for each page that a test opens, which takes longer than the test; we have none.
    Should Streamlit move the function, the tests are slow again and nothing else.
    """
    scan = "streamlit.components.v2.manifest_scanner.scan_component_manifests"
    monkeypatch.setattr(scan, list, raising=False)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings(tmp_path: Path) -> UiSettings:
    """A page with a key file and two samples for digits."""
    key_file = tmp_path / "key"
    key_file.write_text("tp_very_secret")
    samples = tmp_path / "examples" / "digits" / "samples"
    samples.mkdir(parents=True)
    (samples / "seven-blue-paper.jpg").write_bytes(b"a seven")
    (samples / "one-napkin.png").write_bytes(b"a one")
    return UiSettings(
        gateway_url="http://gateway:8080",
        api_key_file=key_file,
        examples_dir=tmp_path / "examples",
    )


@pytest.fixture
def open_page(
    settings: UiSettings, gateway: FakeGateway, clock: FakeClock
) -> Iterator[Callable[..., AppTest]]:
    """Open a page, by its name; keyword arguments change settings."""
    opened: list[Services] = []

    def open_with(name: str = "predict", **changes: object) -> AppTest:
        services = build_services(
            replace(settings, **changes),  # type: ignore[arg-type]  # each test names some of the settings
            transport=httpx.MockTransport(gateway),
            now=clock,
        )
        opened.append(services)
        page = AppTest.from_function(view_script, args=(services, name), default_timeout=10)
        # Berlin in May: two hours ahead of UTC, as a browser counts it.
        page.context = {"timezone_offset": -120}
        return page.run()

    yield open_with
    for services in opened:
        services.http.close()
