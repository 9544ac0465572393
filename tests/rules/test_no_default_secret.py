"""No secret has a default: what nobody set is made at random at the first start, or is absent."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from pydantic import SecretStr

from gateway.settings import GatewaySettings
from tests.rules.source_files import python_files, read
from triptych.stack.settings import StackSettings
from ui.settings import UiSettings

SECRET_NAME = re.compile(r"secret|password|passphrase|token|api_?key|credential", re.IGNORECASE)
# scheme://user:password@host
URL_WITH_PASSWORD = re.compile(r"\w+://[^\s/@\"\'{}]*:[^\s/@\"\'{}]+@")
ASSIGNED = re.compile(
    r"^\s*(?:\w+_)?(?:secret|password|passphrase|token|api_key)(?::[^=]+)?\s*=\s*f?[\"\'][^\"\']+[\"\']",
    re.IGNORECASE | re.MULTILINE,
)


def defaults() -> dict[str, object]:
    return {
        **{name: it.default for name, it in GatewaySettings.model_fields.items()},
        **{name: it.default for name, it in StackSettings.model_fields.items()},
        **{it.name: it.default for it in fields(UiSettings)},
    }


def test_no_setting_that_holds_a_secret_has_one_from_the_start() -> None:
    for model in (GatewaySettings, StackSettings):
        secrets = [it for it in model.model_fields.values() if "SecretStr" in str(it.annotation)]
        assert [it.default for it in secrets if it.default is not None] == []
    named = {name: it for name, it in defaults().items() if SECRET_NAME.search(name)}
    assert {name: it for name, it in named.items() if it not in (None, "")} == {}
    assert [it for it in defaults().values() if isinstance(it, SecretStr)] == []


def test_no_source_holds_a_password_in_a_url_or_a_variable() -> None:
    files = [file for file in python_files() if file.parts[0] not in {"tests", "examples"}]
    found = [
        f"{file}: {match.group()}"
        for file in files
        for pattern in (URL_WITH_PASSWORD, ASSIGNED)
        for match in pattern.finditer(read(file))
    ]
    assert files
    assert found == []


@pytest.mark.parametrize(
    ("source", "is_secret"),
    [
        ('url = "redis://:hunter2@cache"', True),
        ('url = "postgresql+asyncpg://me:hunter2@db/x"', True),
        ('url = "http://127.0.0.1:8003"', False),
        ('ADMIN_PASSWORD: Final = "hunter2"', True),
        ('    api_key: str = "tri_x"', True),
        ('token = ""', False),
        ("token = secrets.token_hex(8)", False),
    ],
)
def test_the_patterns_see_what_they_should(source: str, is_secret: bool) -> None:
    seen = URL_WITH_PASSWORD.search(source) or ASSIGNED.search(source)
    assert (seen is not None) is is_secret
