from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import make_url

from gateway.settings import GatewaySettings
from triptych.stack.settings import StackSettings

SCRIPT = Path(__file__).resolve().parents[3] / "deploy" / "first_secrets.py"


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in ("all", "triton", "gateway", "postgres", "redis", "grafana"):
        (tmp_path / name).mkdir()
    return tmp_path


def make(volumes: Path) -> dict[str, str]:
    subprocess.run([sys.executable, SCRIPT, volumes], check=True)
    files = (it for it in volumes.rglob("*") if it.is_file())
    return {str(it.relative_to(volumes)): it.read_text(encoding="utf-8") for it in files}


def mounted(volume: Path) -> dict[str, Any]:
    """As if the volume were at /run/secrets."""
    return {"_secrets_dir": str(volume)}


def test_each_start_finds_what_the_first_one_made(volumes: Path) -> None:
    assert make(volumes) == make(volumes)


def test_a_value_of_ones_own_reaches_all_who_need_it(volumes: Path) -> None:
    make(volumes)
    (volumes / "all" / "postgres").unlink()
    (volumes / "all" / "postgres").write_text("chosen\n", encoding="utf-8")

    made = make(volumes)

    assert made["postgres/password"] == "chosen"
    assert made["gateway/gateway_database_url"] == "postgresql://triptych:chosen@postgres/triptych"


def test_a_value_of_ones_own_may_hold_any_character(volumes: Path) -> None:
    own = 'p@ss/w#rd %41:"\\?'
    for name in ("postgres", "redis"):
        (volumes / "all" / name).write_text(own + "\n", encoding="utf-8")

    made = make(volumes)

    assert make_url(made["gateway/gateway_database_url"]).password == own
    assert made["postgres/password"] == own
    redis = urlsplit(made["gateway/gateway_redis_url"])
    assert (unquote(str(redis.password)), redis.hostname) == (own, "redis")
    assert r'requirepass "p@ss/w#rd %41:\"\\?"' in made["redis/redis.conf"].splitlines()


def test_a_secret_that_was_not_written_to_its_end_is_made_anew(volumes: Path) -> None:
    (volumes / "all" / "redis").touch()
    (volumes / "all" / "redis.new").touch(mode=0o400)

    made = make(volumes)

    assert len(made["all/redis"].strip()) >= 43
    assert "all/redis.new" not in made


def test_our_settings_find_their_secrets_under_these_names(volumes: Path) -> None:
    made = make(volumes)

    gateway = GatewaySettings(**mounted(volumes / "gateway"))
    triton = StackSettings(**mounted(volumes / "triton"))

    assert gateway.database_url
    assert gateway.database_url.get_secret_value() == made["gateway/gateway_database_url"]
    assert gateway.redis_url
    assert gateway.redis_url.get_secret_value() == made["gateway/gateway_redis_url"]
    assert gateway.supervisor_secret
    assert gateway.supervisor_secret == triton.supervisor_secret


def test_a_variable_wins_over_a_file(volumes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(volumes)
    monkeypatch.setenv("GATEWAY_SUPERVISOR_SECRET", "of-the-environment")

    gateway = GatewaySettings(**mounted(volumes / "gateway"))

    assert gateway.supervisor_secret
    assert gateway.supervisor_secret.get_secret_value() == "of-the-environment"
