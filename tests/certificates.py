"""An authority, and files of certificates that it signed."""

from __future__ import annotations

from pathlib import Path

import trustme

from triptych.client import TritonTls


class Authority:
    """Signs for servers and clients alike.

    Args:
        folder: Where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def issue(self, name: str, trusted: Path | None = None) -> TritonTls:
        """What somebody of that name needs; they trust this authority unless told otherwise."""
        issued = self._ca.issue_cert(name)
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        key.chmod(0o600)
        return TritonTls(trusted or self.ca_file, cert, key, server_name="triton")


def as_settings(prefix: str, tls: TritonTls) -> dict[str, str]:
    """The four settings of `TRIPTYCH_TRITON_TLS_…` or `GATEWAY_TRITON_TLS_…`, without that."""
    return {
        f"{prefix}_ca_file": str(tls.ca_file),
        f"{prefix}_cert_file": str(tls.cert_file),
        f"{prefix}_key_file": str(tls.key_file),
        f"{prefix}_name": tls.server_name or "",
    }
