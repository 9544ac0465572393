"""triptych keys create, list, revoke."""

from __future__ import annotations

from pathlib import Path

import click

from triptych.cli.connections import open_gateway
from triptych.cli.options import state_dir_option


@click.group()
def keys() -> None:
    """Make, list and revoke API keys of the running gateway."""


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
@state_dir_option
def create(name: str, scopes: tuple[str, ...], state_dir: Path | None) -> None:
    """Make a key; it is printed now and never again."""
    with open_gateway(state_dir) as gateway:
        made = gateway.create_key(name, scopes)
    click.echo(f"Key {made['id']} ({made['name']}, {' '.join(made['scopes'])}), shown only now:")
    click.echo(made["key"])


@keys.command("list")
@state_dir_option
def list_keys(state_dir: Path | None) -> None:
    """List keys, revoked ones too."""
    with open_gateway(state_dir) as gateway:
        found = gateway.list_keys()
    for key in found:
        state = f"revoked {key['revoked_at']}" if key["revoked_at"] else "live"
        click.echo(f"{key['id']}  {key['name']:<20} {' '.join(key['scopes']):<16} {state}")


@keys.command()
@click.argument("key_id")
@state_dir_option
def revoke(key_id: str, state_dir: Path | None) -> None:
    """End a key at once."""
    with open_gateway(state_dir) as gateway:
        gateway.revoke_key(key_id)
    click.echo(f"Key {key_id} is revoked.")
