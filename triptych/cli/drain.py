"""triptych drain: what a container of Triton runs before it is told to end."""

from __future__ import annotations

import time
from typing import Final

import click

from triptych.cli.options import settings_from
from triptych.errors import CallFailed
from triptych.stack.loopback_http import ask
from triptych.stack.services import supervisor_headers, supervisor_url

_ANSWER_SECONDS: Final = 5.0


@click.command(short_help="Take this machine's Triton out of use, and wait.")
@click.option("--seconds", type=click.FloatRange(min=0), default=0.0, help="How long to wait then.")
def drain(seconds: float) -> None:
    """Take this machine's Triton out of use, and wait until others have turned elsewhere.

    It still answers. `POST /undrain` on the supervisor takes it back.
    """
    settings = settings_from()
    url = f"{supervisor_url(settings)}/drain"
    headers = supervisor_headers(settings)
    answer = ask("POST", url, headers=headers, timeout_seconds=_ANSWER_SECONDS)
    if not answer.is_success:
        raise CallFailed(f"{url} answered {answer.status}; is TRIPTYCH_SUPERVISOR_SECRET right?")
    time.sleep(seconds)
