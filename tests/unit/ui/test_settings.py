from __future__ import annotations

from pathlib import Path

import pytest

from ui.errors import InvalidSetting
from ui.settings import UiSettings


def test_without_variables_the_defaults_fit_a_laptop() -> None:
    settings = UiSettings.from_environment({})

    assert settings == UiSettings(
        gateway_url="http://127.0.0.1:8080",
        api_key_file=None,
        examples_dir=None,
        max_upload_megabytes=20,
        max_job_megabytes=200,
        request_timeout_seconds=10.0,
        health_interval_seconds=2.0,
    )


def test_each_variable_sets_the_field_of_its_name() -> None:
    settings = UiSettings.from_environment(
        {
            "UI_GATEWAY_URL": "https://gateway.example:8443/",
            "UI_API_KEY_FILE": "/run/key",
            "UI_EXAMPLES_DIR": "/srv/examples",
            "UI_MAX_UPLOAD_MEGABYTES": "5",
            "UI_MAX_JOB_MEGABYTES": "50",
            "UI_REQUEST_TIMEOUT_SECONDS": "2.5",
            "UI_HEALTH_INTERVAL_SECONDS": "1",
        }
    )

    assert settings == UiSettings(
        gateway_url="https://gateway.example:8443",
        api_key_file=Path("/run/key"),
        examples_dir=Path("/srv/examples"),
        max_upload_megabytes=5,
        max_job_megabytes=50,
        request_timeout_seconds=2.5,
        health_interval_seconds=1.0,
    )


def test_an_empty_variable_counts_as_unset() -> None:
    environment = {"UI_GATEWAY_URL": "", "UI_API_KEY_FILE": "", "UI_HEALTH_INTERVAL_SECONDS": ""}

    assert UiSettings.from_environment(environment) == UiSettings()


@pytest.mark.parametrize("text", ["0", "-1", "ten", "nan", "inf"])
def test_a_number_that_cannot_be_used_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidSetting, match="UI_REQUEST_TIMEOUT_SECONDS must be a number"):
        UiSettings.from_environment({"UI_REQUEST_TIMEOUT_SECONDS": text})


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://gateway", "http://"])
def test_an_address_that_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match="UI_GATEWAY_URL must be an address"):
        UiSettings.from_environment({"UI_GATEWAY_URL": url})


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidSetting) as caught:
        UiSettings.from_environment({"UI_GATEWAY_URL": "http://me:hunter2@gateway"})

    assert "must not hold a user name or a password" in str(caught.value)
    assert "hunter2" not in str(caught.value)
