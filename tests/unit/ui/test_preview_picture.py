"""The picture as the model saw it, on a page that shows nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.ui.fake_gateway import FakeGateway, error_body
from tests.unit.ui.fake_previews import preview_answer
from ui.services import build_services
from ui.settings import UiSettings


class PreviewingGateway(FakeGateway):
    """Gives a preview of everything, unless it refuses."""

    def _prediction(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path.startswith("/v1/preview/")
        if self.refusal is not None:
            status, answer = self.refusal
            return httpx.Response(status, json=answer)
        return preview_answer()


def preview_script(services: object, data: bytes) -> None:
    # AppTest runs the text of this function alone, so its imports have to be inside.
    from ui.components.preview_picture import show_preview  # noqa: PLC0415 - AppTest runs the function alone
    from ui.encoded_image import EncodedImage  # noqa: PLC0415 - as above
    from ui.frame import current_scene  # noqa: PLC0415 - as above
    from ui.services import Services  # noqa: PLC0415 - as above

    assert isinstance(services, Services)
    show_preview(current_scene(services), "digits", EncodedImage("a.png", data))


@pytest.fixture
def gateway() -> PreviewingGateway:
    return PreviewingGateway()


@pytest.fixture
def open_preview(
    settings: UiSettings, gateway: PreviewingGateway
) -> Iterator[Callable[[bytes], AppTest]]:
    services = build_services(settings, transport=httpx.MockTransport(gateway))

    def open_with(data: bytes) -> AppTest:
        args = (services, data)
        return AppTest.from_function(preview_script, args=args, default_timeout=10).run()

    yield open_with
    services.http.close()


def captions(page: AppTest) -> list[str]:
    return [caption.value for caption in page.caption]


def test_a_preview_says_whose_it_is_and_how_large(
    open_preview: Callable[[bytes], AppTest],
) -> None:
    page = open_preview(b"a one")

    assert not page.exception
    assert captions(page) == ["As `digits_r1` saw it: 3 x 2 pixels"]
    (image,) = page.get("image")
    assert image.proto.imgs[0].url.startswith("data:image/svg+xml")
    assert image.proto.imgs[0].alt == "The picture as the model saw it, 3 x 2 pixels"


def test_a_rerun_asks_for_no_preview_again(
    open_preview: Callable[[bytes], AppTest], gateway: PreviewingGateway
) -> None:
    page = open_preview(b"a one")
    page.run()

    assert len(page.get("image")) == 1
    assert len(gateway.asked("/v1/preview")) == 1


def test_a_lasting_refusal_is_a_quiet_line_and_not_asked_again(
    open_preview: Callable[[bytes], AppTest], gateway: PreviewingGateway
) -> None:
    gateway.refusal = (422, error_body("undecodable_image"))
    page = open_preview(b"no picture")
    page.run()

    assert captions(page) == [
        "No picture of what the model saw: This file cannot be read as a picture"
    ]
    assert len(gateway.asked("/v1/preview")) == 1


def test_a_passing_trouble_is_asked_about_again(
    open_preview: Callable[[bytes], AppTest], gateway: PreviewingGateway
) -> None:
    gateway.refusal = (503, error_body("overloaded"))
    page = open_preview(b"a one")
    assert "The service is busy" in captions(page)[0]

    gateway.refusal = None
    page.run()

    assert len(page.get("image")) == 1
    assert not page.exception
