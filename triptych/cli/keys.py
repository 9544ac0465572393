"""triptych keys create, list, change, rotate, revoke."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Unpack

import click

from triptych.cli.connections import open_gateway
from triptych.cli.key_options import Terms, changed_term_options, term_options, terms_body
from triptych.cli.options import state_dir_option

_HEADER: Final = ("ID", "NAME", "SCOPES", "STATE", "LAST-USED", "REQUESTS/30D", "LIMITS")


@click.group(short_help="Make and administer API keys.")
def keys() -> None:
    """Make, list, change, rotate and revoke API keys of the running gateway."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("predict",),
    show_default=True,
    type=click.Choice(["predict", "metrics", "admin"]),
    help="What it may do; may be given several times.",
)
@click.option("--tenant", help="Whom it belongs to. Default: the key alone.")
@term_options
@state_dir_option
def create(
    name: str,
    scopes: tuple[str, ...],
    tenant: str | None,
    state_dir: Path | None,
    **given: Unpack[Terms],
) -> None:
    """Make a key; it is printed now and never again."""
    terms = terms_body(**given) | ({"tenant": tenant} if tenant else {})
    with open_gateway(state_dir) as gateway:
        made = gateway.create_key(name, scopes, terms)
    click.echo(f"Key {made['id']} ({made['name']}, {' '.join(made['scopes'])}), shown only now:")
    click.echo(made["key"])


@keys.command("list")
@state_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_keys(state_dir: Path | None, as_json: bool) -> None:
    """List keys, revoked ones too."""
    with open_gateway(state_dir) as gateway:
        found = gateway.list_keys()
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = [_HEADER, *(_row(key) for key in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _row(key: Mapping[str, Any]) -> tuple[str, ...]:
    named = key["id"], key["name"], " ".join(key["scopes"])
    return *named, _state(key), *_usage(key.get("usage")), _limits(key)


def _state(key: Mapping[str, Any]) -> str:
    if key["revoked_at"]:
        return f"revoked {key['revoked_at']}"
    return f"until {key['expires_at']}" if key.get("expires_at") else "live"


def _usage(usage: Mapping[str, Any] | None) -> tuple[str, str]:
    """When the key was last used, to the minute, and for how many requests in 30 days."""
    if not usage:  # a gateway of an earlier version
        return "?", "?"
    last = usage["last_used_at"]
    told = f"{datetime.fromisoformat(last):%Y-%m-%dT%H:%MZ}" if last else "-"
    return told, str(usage["last_30_days"]["requests"])


def _limits(key: Mapping[str, Any]) -> str:
    """What is not the default."""
    told = [
        f"tenant {key['tenant']}" if key.get("tenant", key["id"]) != key["id"] else "",
        f"only {' '.join(key['allowed'])}" if key.get("allowed") else "",
        "batch" if key.get("priority") == "batch" else "",
        *(
            f"{key[name]} {text}" if key.get(name) else ""
            for name, text in (
                ("requests_per_minute", "requests/min"),
                ("bytes_per_minute", "bytes/min"),
                ("max_concurrency", "at once"),
            )
        ),
    ]
    return ", ".join(part for part in told if part)


@keys.command()
@click.argument("key_id")
@click.option("--name", help="Another name.")
@changed_term_options
@click.option(
    "--no-limit",
    "lifted",
    multiple=True,
    type=click.Choice(
        ["requests-per-minute", "bytes-per-minute", "max-concurrency", "expiry", "allow"]
    ),
    help="A limit to lift; may be given several times.",
)
@state_dir_option
def change(
    key_id: str,
    name: str | None,
    lifted: tuple[str, ...],
    state_dir: Path | None,
    **given: Unpack[Terms],
) -> None:
    """Change name, limits or expiry. Unchanged where not named."""
    fields = {"expiry": "expires_at", "allow": "allowed"}
    nothing = {fields.get(it, it.replace("-", "_")): None for it in lifted}
    changes = {**nothing, **terms_body(**given), **({"name": name} if name else {})}
    if not changes:
        raise click.UsageError("say what should change")
    with open_gateway(state_dir) as gateway:
        gateway.change_key(key_id, changes)
    click.echo(f"Key {key_id} is changed.")


@keys.command()
@click.argument("key_id")
@click.option(
    "--grace",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="For how many seconds the old secret stays good.",
)
@state_dir_option
def rotate(key_id: str, grace: int, state_dir: Path | None) -> None:
    """Give a key a new secret; it is printed now and never again."""
    with open_gateway(state_dir) as gateway:
        made = gateway.rotate_key(key_id, grace)
    old = f"the old secret is good for {grace} s more" if grace else "the old secret has ended"
    click.echo(f"Key {made['id']} ({made['name']}) has a new secret, shown only now; {old}:")
    click.echo(made["key"])


@keys.command()
@click.argument("key_id")
@state_dir_option
def revoke(key_id: str, state_dir: Path | None) -> None:
    """End a key at once."""
    with open_gateway(state_dir) as gateway:
        gateway.revoke_key(key_id)
    click.echo(f"Key {key_id} is revoked.")
