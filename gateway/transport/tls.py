"""TLS by configuration, or a sentence that says why not."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path
from typing import NoReturn

from gateway.errors import StartRefused
from gateway.settings import GatewaySettings


def server_context(settings: GatewaySettings) -> ssl.SSLContext | None:
    """Read certificate and key; None where TLS is not asked for.

    Raises:
        StartRefused: a file is missing, unfit, or open to other users.
    """
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if cert is None and key is None:
        if settings.tls_client_ca_file is not None:
            raise StartRefused(
                "GATEWAY_TLS_CLIENT_CA_FILE needs GATEWAY_TLS_CERT_FILE and GATEWAY_TLS_KEY_FILE"
            )
        return None
    if cert is None or key is None:
        raise StartRefused(
            "GATEWAY_TLS_CERT_FILE and GATEWAY_TLS_KEY_FILE are set together or not at all"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _check_is_file("GATEWAY_TLS_KEY_FILE", key)
    _check_is_private(key)
    _load_pair(context, "GATEWAY_TLS", cert, key)
    if settings.tls_client_ca_file is not None:
        _trust(context, "GATEWAY_TLS_CLIENT_CA_FILE", settings.tls_client_ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def triton_context(settings: GatewaySettings) -> ssl.SSLContext | None:
    """Read what the gateway shows to Triton, and whom it takes for Triton; None is plain text.

    The key may be open to a group: that is how Kubernetes hands files to who is not root.

    Raises:
        StartRefused: a file is missing or unfit.
    """
    authorities, cert = settings.triton_tls_ca_file, settings.triton_tls_cert_file
    key = settings.triton_tls_key_file
    if authorities is None and cert is None and key is None:
        return None
    if authorities is None or cert is None or key is None:
        raise StartRefused(
            "GATEWAY_TRITON_TLS_CA_FILE, _CERT_FILE and _KEY_FILE are set together or not at all"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load_pair(context, "GATEWAY_TRITON_TLS", cert, key)
    _trust(context, "GATEWAY_TRITON_TLS_CA_FILE", authorities)
    context.set_alpn_protocols(["h2"])  # gRPC servers end a connection that does not ask for it
    return context


def _check_is_file(variable: str, file: Path) -> None:
    if not file.is_file():
        raise StartRefused(f"{variable} names {file}, which is no file")


def _check_is_private(key: Path) -> None:
    open_to_others = key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    if open_to_others:
        raise StartRefused(
            f"GATEWAY_TLS_KEY_FILE {key} is open to other users; run: chmod 600 {key}"
        )


def _load_pair(context: ssl.SSLContext, prefix: str, cert: Path, key: Path) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _check_is_file(f"{prefix}_CERT_FILE", cert)
    _check_is_file(f"{prefix}_KEY_FILE", key)

    def no_password() -> NoReturn:
        raise StartRefused(f"{prefix}_KEY_FILE is encrypted; give a key without a password")

    try:
        context.load_cert_chain(cert, key, password=no_password)
    except OSError as exc:  # ssl.SSLError is one
        raise StartRefused(
            f"{cert} and {key} are no PEM certificate and the key that fits it ({_reason(exc)})"
        ) from exc


def _trust(context: ssl.SSLContext, variable: str, authorities: Path) -> None:
    _check_is_file(variable, authorities)
    try:
        context.load_verify_locations(authorities)
    except OSError as exc:
        raise StartRefused(
            f"{variable} {authorities} holds no PEM certificate ({_reason(exc)})"
        ) from exc


def _reason(exc: OSError) -> str:
    return exc.reason if isinstance(exc, ssl.SSLError) and exc.reason else str(exc)
