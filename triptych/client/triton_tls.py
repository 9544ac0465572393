"""Mutual TLS to Triton: who we are there, and whom we take for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TritonTls:
    """Three files, PEM, as `--grpc-use-ssl-mutual` asks for; they are read when a channel opens."""

    ca_file: Path
    """The authority that signed Triton's certificate."""
    cert_file: Path
    """Ours, which Triton's own authority has to have signed; with those in between."""
    key_file: Path
    """Its key, without a password."""
    server_name: str | None = None
    """The name that Triton's certificate bears; None is the host of the address."""
