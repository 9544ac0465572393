"""The secrets of the compose stack: made once, and written to the volume of each who needs them.

What is in /secrets/all stays as it is, so that a value of your own can be put there; the rest is
written anew at each start. Standard library only; the service `first-secrets` runs it.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from urllib.parse import quote

NAMES = ("supervisor", "postgres", "redis", "grafana")
# Without it a full memory would refuse writes; what has no time to live is nothing of ours.
REDIS_CONF = """\
requirepass "{redis}"
save ""
appendonly no
maxmemory 384mb
maxmemory-policy volatile-ttl
"""


def read_or_make(file: Path) -> str:
    """A secret of 256 random bits, or what somebody has put there."""
    known = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    if known:
        return known
    made = secrets.token_urlsafe(32)
    write(file, made + "\n", 0o400)
    return made


def write(file: Path, content: str, mode: int) -> None:
    """All of it or nothing, whenever this is ended."""
    scratch = file.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    scratch.write_text(content, encoding="utf-8")
    scratch.chmod(mode)
    scratch.replace(file)


def files_of(known: dict[str, str]) -> dict[str, str]:
    """What each volume holds; a setting of ours is a file with its name in lower case."""
    # A value of somebody's own may hold what means something in a URL, or to Redis.
    in_url = {name: quote(value, safe="") for name, value in known.items()}
    in_quotes = known["redis"].replace("\\", "\\\\").replace('"', '\\"')
    database = f"postgresql://triptych:{in_url['postgres']}@postgres/triptych"
    return {
        "triton/triptych_supervisor_secret": known["supervisor"],
        "gateway/gateway_supervisor_secret": known["supervisor"],
        "gateway/gateway_database_url": database,
        "gateway/gateway_redis_url": f"redis://:{in_url['redis']}@redis:6379/0",
        "postgres/password": known["postgres"],
        "redis/redis.conf": REDIS_CONF.format(redis=in_quotes),
        "grafana/password": known["grafana"],
    }


def main(root: Path) -> None:
    """Write them so that the user of the one container that has the volume can read them."""
    known = {name: read_or_make(root / "all" / name) for name in NAMES}
    for name, content in files_of(known).items():
        write(root / name, content, 0o444)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "/secrets"))
