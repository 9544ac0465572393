"""TLS by configuration: what is spoken, who is let in, and what keeps the gateway from starting."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from gateway.errors import StartRefused
from gateway.settings import GatewaySettings
from gateway.transport.tls import server_context
from tests.unit.gateway.running_gateway import Gateway, StartGateway


@dataclass(frozen=True)
class _Files:
    """A certificate for localhost, its key, and the authority that signed both sides."""

    authority: trustme.CA
    ca: Path
    cert: Path
    key: Path


def _write(folder: Path) -> _Files:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    files = _Files(authority, folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(files.ca)
    issued.cert_chain_pems[0].write_to_path(files.cert)
    issued.private_key_pem.write_to_path(files.key)
    files.key.chmod(0o600)
    return files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> _Files:
    return _write(tmp_path_factory.mktemp("tls"))


def _client(gateway: Gateway, context: ssl.SSLContext) -> httpx.AsyncClient:
    url = f"https://localhost:{gateway.port}"
    return httpx.AsyncClient(base_url=url, verify=context, trust_env=False)


def _trusting(files: _Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files.ca)


async def test_with_a_certificate_the_gateway_speaks_tls_and_nothing_else(
    files: _Files, serve_gateway: StartGateway
) -> None:
    gateway = await serve_gateway(tls_cert_file=files.cert, tls_key_file=files.key)
    async with _client(gateway, _trusting(files)) as client:
        answer = await client.get("/healthz")
        assert answer.status_code == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        body = b"x" * 2_000_000
        assert (await client.post("/v1/predict/digits", content=body)).status_code == 401
        odd = await client.get("/healthz", headers={"A": "a" * 40_000})
        assert (odd.status_code, odd.json()["error"]["code"]) == (431, "headers_too_large")
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.client.get("/healthz")
    old = _trusting(files)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with _client(gateway, old) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz")


async def test_with_an_authority_for_clients_only_its_clients_get_in(
    files: _Files, serve_gateway: StartGateway
) -> None:
    gateway = await serve_gateway(
        tls_cert_file=files.cert, tls_key_file=files.key, tls_client_ca_file=files.ca
    )
    ours, stranger = _trusting(files), _trusting(files)
    files.authority.issue_cert("app@example.org").configure_cert(ours)
    trustme.CA().issue_cert("app@example.org").configure_cert(stranger)
    async with _client(gateway, ours) as client:
        assert (await client.get("/healthz")).status_code == 200
    for context in (stranger, _trusting(files)):
        async with _client(gateway, context) as client:
            with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                await client.get("/healthz")


def test_without_files_there_is_no_tls() -> None:
    assert server_context(GatewaySettings()) is None


def test_one_file_without_the_other_is_refused(files: _Files) -> None:
    for settings in (
        GatewaySettings(tls_cert_file=files.cert),
        GatewaySettings(tls_key_file=files.key),
        GatewaySettings(tls_client_ca_file=files.ca),
    ):
        with pytest.raises(StartRefused, match="GATEWAY_TLS_KEY_FILE"):
            server_context(settings)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o777])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    files = _write(tmp_path)
    files.key.chmod(mode)
    with pytest.raises(StartRefused, match="open to other users; run: chmod 600"):
        server_context(GatewaySettings(tls_cert_file=files.cert, tls_key_file=files.key))


def test_a_missing_or_unfit_file_is_refused(tmp_path: Path, files: _Files) -> None:
    other = _write(tmp_path)
    nothing, garbage = tmp_path / "nothing.pem", tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    garbage.chmod(0o600)
    for cert, key, ca, said in [
        (nothing, files.key, None, "GATEWAY_TLS_CERT_FILE names .* no file"),
        (files.cert, nothing, None, "GATEWAY_TLS_KEY_FILE names .* no file"),
        (files.cert, tmp_path, None, "GATEWAY_TLS_KEY_FILE names .* no file"),
        (files.cert, other.key, None, "KEY_VALUES_MISMATCH"),
        (garbage, files.key, None, "no PEM certificate"),
        (files.cert, garbage, None, "no PEM certificate"),
        (files.cert, files.key, nothing, "GATEWAY_TLS_CLIENT_CA_FILE names .* no file"),
        (files.cert, files.key, garbage, "GATEWAY_TLS_CLIENT_CA_FILE .* no PEM certificate"),
    ]:
        settings = GatewaySettings(tls_cert_file=cert, tls_key_file=key, tls_client_ca_file=ca)
        with pytest.raises(StartRefused, match=said):
            server_context(settings)


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(
    tmp_path: Path, files: _Files
) -> None:
    locked = tmp_path / "locked.pem"
    command = ["openssl", "pkey", "-in", str(files.key), "-aes256", "-passout", "pass:secret"]
    subprocess.run([*command, "-out", str(locked)], check=True, capture_output=True)
    locked.chmod(0o600)
    with pytest.raises(StartRefused, match="is encrypted"):
        server_context(GatewaySettings(tls_cert_file=files.cert, tls_key_file=locked))


def test_a_refusal_to_start_is_one_sentence_and_not_success(tmp_path: Path) -> None:
    files = _write(tmp_path)
    files.key.chmod(0o644)
    names = {"GATEWAY_TLS_CERT_FILE": str(files.cert), "GATEWAY_TLS_KEY_FILE": str(files.key)}
    ended = subprocess.run(
        [sys.executable, "-m", "gateway"],
        env={**os.environ, **names, "GATEWAY_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line == f"gateway: GATEWAY_TLS_KEY_FILE {files.key} is open to other users; " + (
        f"run: chmod 600 {files.key}"
    )
