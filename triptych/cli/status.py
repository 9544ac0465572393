"""triptych status."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from triptych.cli.options import settings_from, state_dir_option
from triptych.stack.stack_status import read_status


@click.command(short_help="Say what runs and whether it answers.")
@state_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(state_dir: Path | None, as_json: bool) -> None:
    """Say what runs and whether it answers; exit code 1 when anything is not ready."""
    found = read_status(settings_from(state_dir=state_dir).state_dir)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        for part in found.parts:
            since = f" since {part.since}" if part.since else ""
            state = "ready" if part.is_ready else f"NOT READY{since}: {part.reason}"
            again = f"  (restarts: {part.restarts})" if part.restarts else ""
            click.echo(f"{part.name:<10} {state:<8} {part.url}{again}".rstrip())
        for name, release in found.releases.items():
            canary = f"last canary {release['last_canary']}, {release['canary_ms']} ms"
            click.echo(f"{name:<10} {release['state']:<8} {canary}{_plan(release.get('plan'))}")
    sys.exit(0 if found.is_ready else 1)


def _plan(plan: Mapping[str, Any] | None) -> str:
    """Where the TensorRT plan of a release stands, on machines that can have one."""
    if plan is None:
        return ""
    why = f": {plan['reason']}" if plan["reason"] else ""
    return f", TensorRT plan {plan['phase']}{why}"
