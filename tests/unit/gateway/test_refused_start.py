"""A gateway that may not read its secrets says so in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.process.refused_start import told_in_one_sentence
from gateway.settings import GatewaySettings


def test_the_file_of_a_secret_that_cannot_be_read_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For root every file can be read, so what lies there is no text."""
    (tmp_path / "gateway_database_url").write_bytes(b"\xff")
    monkeypatch.setitem(GatewaySettings.model_config, "secrets_dir", tmp_path)

    said = r"^gateway: .*database_url.*: UnicodeDecodeError$"
    with pytest.raises(SystemExit, match=said), told_in_one_sentence():
        GatewaySettings()
