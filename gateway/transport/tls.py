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
    _check_is_file("GATEWAY_TLS_CERT_FILE", cert)
    _check_is_file("GATEWAY_TLS_KEY_FILE", key)
    _check_is_private(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_pair(context, cert, key)
    if settings.tls_client_ca_file is not None:
        _trust_clients_of(context, settings.tls_client_ca_file)
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


def _no_password() -> NoReturn:
    raise StartRefused("GATEWAY_TLS_KEY_FILE is encrypted; give a key without a password")


def _load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except OSError as exc:  # ssl.SSLError is one
        raise StartRefused(
            f"{cert} and {key} are no PEM certificate and the key that fits it ({_reason(exc)})"
        ) from exc


def _trust_clients_of(context: ssl.SSLContext, authorities: Path) -> None:
    _check_is_file("GATEWAY_TLS_CLIENT_CA_FILE", authorities)
    try:
        context.load_verify_locations(authorities)
    except OSError as exc:
        raise StartRefused(
            f"GATEWAY_TLS_CLIENT_CA_FILE {authorities} holds no PEM certificate ({_reason(exc)})"
        ) from exc
    context.verify_mode = ssl.CERT_REQUIRED


def _reason(exc: OSError) -> str:
    return exc.reason if isinstance(exc, ssl.SSLError) and exc.reason else str(exc)
