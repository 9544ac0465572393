from __future__ import annotations

import pytest

from ui.encoded_image import EncodedImage


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.JPEG", "image/jpeg"),
        ("a.png", "image/png"),
        ("a.webp", "image/webp"),
        ("a.gif", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_the_name(name: str, content_type: str) -> None:
    assert EncodedImage(name, b"").content_type == content_type


def test_the_bytes_do_not_show_in_a_repr() -> None:
    assert repr(EncodedImage("a.png", b"secret pixels")) == "EncodedImage(name='a.png')"


def test_the_digest_follows_the_bytes_and_not_the_name() -> None:
    assert EncodedImage("a.png", b"x").digest == EncodedImage("b.png", b"x").digest
    assert EncodedImage("a.png", b"x").digest != EncodedImage("a.png", b"y").digest


def test_the_data_url_carries_the_picture_as_it_is() -> None:
    assert EncodedImage("a.png", b"\x89PNG").data_url == "data:image/png;base64,iVBORw=="


def test_the_square_is_cut_by_the_browser_out_of_the_same_picture() -> None:
    url = EncodedImage("a.png", b"\x89PNG").square_data_url

    assert url.startswith("data:image/svg+xml,%3Csvg ")
    assert "data:image/png;base64,iVBORw==" in url
    assert "slice" in url
