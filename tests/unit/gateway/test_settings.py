"""GATEWAY_ variables: where the gateway's settings come from, and which values are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import GatewaySettings


def test_without_any_variable_the_gateway_listens_on_loopback_with_limits_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in GatewaySettings.model_fields:
        monkeypatch.delenv(f"GATEWAY_{name.upper()}", raising=False)
    settings = GatewaySettings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.max_image_bytes == 20 * 1024 * 1024
    assert settings.max_body_bytes == 100 * 1024 * 1024
    assert settings.max_in_flight == 256
    assert settings.effective_database_url == "sqlite+aiosqlite:///.triptych/triptych.db"


def test_a_variable_changes_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "9090")
    monkeypatch.setenv("GATEWAY_STATE_DIR", "/var/lib/triptych")
    monkeypatch.setenv("GATEWAY_DOCS_ENABLED", "false")
    settings = GatewaySettings()
    assert settings.port == 9090
    assert settings.state_dir == Path("/var/lib/triptych")
    assert settings.docs_enabled is False
    assert settings.effective_database_url.endswith("////var/lib/triptych/triptych.db")


def test_another_database_takes_the_place_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://u:pa55@db/triptych")
    monkeypatch.setenv("GATEWAY_REDIS_URL", "redis://:pa55@cache")
    assert GatewaySettings().effective_database_url == "postgresql://u:pa55@db/triptych"
    assert "pa55" not in repr(GatewaySettings())


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("", ()),
        ("https://a.example", ("https://a.example",)),
        (" https://a.example , https://b.example,", ("https://a.example", "https://b.example")),
        ('["https://a.example"]', ("https://a.example",)),
    ],
)
def test_origins_are_a_list_with_commas_or_json(
    monkeypatch: pytest.MonkeyPatch, value: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GATEWAY_CORS_ORIGINS", value)
    assert GatewaySettings().cors_origins == origins


def test_a_password_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_REDIS_URL", "redis://:hunter2@cache")
    assert "hunter2" not in repr(GatewaySettings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_HEADER_BYTES", "10"),
        ("HEADER_SECONDS", "0"),
        ("BODY_SECONDS", "-1"),
        ("MAX_CONNECTIONS", "0"),
        ("METRICS_PORT", "0"),
        ("CACHE_BYTES", "-1"),
        ("CACHE_TTL_SECONDS", "0"),
        ("CORS_ORIGINS", "[broken"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("MAX_IMAGE_BYTES", "0"),
        ("MAX_BODY_BYTES", "-1"),
        ("MAX_IN_FLIGHT", "0"),
        ("MAX_ADMITTED", "0"),
        ("MAX_ITEMS", "0"),
        ("LATENCY_TOLERANCE", "0.9"),
        ("BODY_SILENCE_SECONDS", "0"),
        ("INFERENCE_TIMEOUT_SECONDS", "0"),
        ("STATUS_INTERVAL_SECONDS", "soon"),
        ("STATUS_MAX_AGE_SECONDS", "-5"),
        ("DOCS_ENABLED", "perhaps"),
        ("CORS_ORIGINS", "shop.example"),
        ("CORS_ORIGINS", "https://shop.example/page"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GATEWAY_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        GatewaySettings()
