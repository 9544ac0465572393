"""Settings of the page, built once from UI_ environment variables; nothing else reads them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ui.errors import InvalidSetting


@dataclass(frozen=True)
class UiSettings:
    """What the page needs to know; each field is read from UI_ and its own name in capitals."""

    gateway_url: str = "http://127.0.0.1:8080"
    """Address of the gateway, http or https, without a path after it."""

    api_key_file: Path | None = None
    """File that holds the API key; read for each request, so that a rotated key just works."""

    examples_dir: Path | None = None
    """Folder with samples, `<alias>/samples/*.jpg` or `*.txt`; without one none are offered."""

    max_upload_megabytes: int = 20
    """Largest picture that the upload field takes."""

    max_job_megabytes: int = 200
    """Largest archive that becomes a job on the page, and the most that its files may have."""

    request_timeout_seconds: float = 10.0
    """How long one prediction may take before the page gives up."""

    health_interval_seconds: float = 2.0
    """How often the page asks whether the service is ready."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> UiSettings:
        """Read the UI_ variables; one that is unset or empty keeps its default.

        Raises:
            InvalidSetting: A variable holds something that cannot be used.
        """
        return cls(
            gateway_url=_read_url(environment, "UI_GATEWAY_URL", cls.gateway_url),
            api_key_file=_read_path(environment, "UI_API_KEY_FILE"),
            examples_dir=_read_path(environment, "UI_EXAMPLES_DIR"),
            max_upload_megabytes=math.ceil(
                _read_positive(environment, "UI_MAX_UPLOAD_MEGABYTES", cls.max_upload_megabytes)
            ),
            max_job_megabytes=math.ceil(
                _read_positive(environment, "UI_MAX_JOB_MEGABYTES", cls.max_job_megabytes)
            ),
            request_timeout_seconds=_read_positive(
                environment, "UI_REQUEST_TIMEOUT_SECONDS", cls.request_timeout_seconds
            ),
            health_interval_seconds=_read_positive(
                environment, "UI_HEALTH_INTERVAL_SECONDS", cls.health_interval_seconds
            ),
        )


def _read_url(environment: Mapping[str, str], name: str, default: str) -> str:
    url = environment.get(name) or default
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidSetting(f"{name} must be an address such as {default}.")
    if parts.username or parts.password:
        # The address is shown on the page, so it must not carry a secret.
        raise InvalidSetting(f"{name} must not hold a user name or a password.")
    return url.rstrip("/")


def _read_path(environment: Mapping[str, str], name: str) -> Path | None:
    text = environment.get(name)
    return Path(text) if text else None


def _read_positive(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InvalidSetting(f"{name} must be a number above zero, not {text!r}.")
    return value
