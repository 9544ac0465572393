from __future__ import annotations

from pathlib import Path

import pytest

from ui.calls.api_key import read_api_key
from ui.errors import ApiKeyMissing


def test_the_key_is_read_without_the_white_space_around_it(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("  tp_abc123\n")

    assert read_api_key(key_file) == "tp_abc123"


def test_a_rotated_key_is_read_the_next_time(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("old")
    assert read_api_key(key_file) == "old"

    key_file.write_text("new")

    assert read_api_key(key_file) == "new"


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"two words", b"two\nlines", "schlüssel".encode(), b"\xff\xfe"]
)
def test_a_file_without_a_usable_key_is_refused_without_quoting_it(
    tmp_path: Path, content: bytes
) -> None:
    key_file = tmp_path / "key"
    key_file.write_bytes(content)

    with pytest.raises(ApiKeyMissing) as caught:
        read_api_key(key_file)

    assert caught.value.key_file == key_file
    assert str(caught.value) == f"no usable API key in {key_file}"


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_read_is_a_missing_key(tmp_path: Path, name: str) -> None:
    with pytest.raises(ApiKeyMissing):
        read_api_key(tmp_path / name)


def test_no_file_at_all_is_a_missing_key() -> None:
    with pytest.raises(ApiKeyMissing) as caught:
        read_api_key(None)

    assert caught.value.key_file is None
