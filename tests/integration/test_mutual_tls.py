"""Triton with mutual TLS and without HTTP: who gets in, and that everything of ours still does."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.local_stack import LocalStack, local_stack
from python_backends.shared.contract import Task
from tests import pictures
from tests.certificates import Authority, as_settings
from tests.integration.test_command_line import run
from triptych.client import DirectClient, TritonTls
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 5.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@contextmanager
def variables(values: dict[str, str]) -> Iterator[None]:
    """What `triptych up`, which copies our environment, is to find there."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def environment(authority: Authority) -> dict[str, str]:
    tls = as_settings("TRIPTYCH_TRITON_TLS", authority.issue("triton"))
    return {**{name.upper(): it for name, it in tls.items()}, "TRIPTYCH_TRITON_HTTP": "false"}


@pytest.fixture(scope="module")
def stack(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("mutual-tls")
    with (
        variables(environment),
        local_stack(folder / "state", PROJECT / "model_repository", "--no-ui") as running,
    ):
        yield running


def ask(stack: LocalStack, tls: TritonTls | None) -> str:
    with TritonConnection(stack.triton["grpc"], tls=tls) as triton:
        (answer,) = triton.classify(
            "digits_r1", Task.IMAGE_CLASSIFICATION, [pictures.seven_jpeg()], SECONDS
        )
    return answer.labels[0]


def test_the_right_certificate_gets_in(stack: LocalStack, authority: Authority) -> None:
    assert ask(stack, authority.issue("batch-job")) == "7"


def test_the_gateway_and_its_supervisor_reach_a_triton_with_tls(stack: LocalStack) -> None:
    headers = {"Authorization": f"Bearer {stack.admin_key}", "Content-Type": "image/jpeg"}
    with httpx.Client(base_url=stack.gateway_url, headers=headers, trust_env=False) as gateway:
        answer = gateway.post("/v1/predict/digits", content=pictures.seven_jpeg(), timeout=20)
        assert answer.json()["predictions"][0]["label"] == "7"
        assert gateway.get("/readyz").json()["ready"] is True
    status = httpx.get(f"{stack.triton['supervisor']}/status", trust_env=False).json()
    assert status["ready"] is True
    assert status["releases"]["digits_r1"]["last_canary"]


def test_the_direct_client_follows_the_route_and_shows_its_certificate(
    stack: LocalStack, authority: Authority
) -> None:
    addresses, tls = [stack.triton["grpc"]], authority.issue("loader")
    with DirectClient(stack.gateway_url, stack.admin_key, addresses, "digits", tls=tls) as client:
        assert client.classify_one(pictures.seven_jpeg()).label == "7"


def wrong_authority(folder: Path, ours: Authority) -> TritonTls:
    return Authority(folder).issue("stranger", trusted=ours.ca_file)


def wrong_server_name(_folder: Path, ours: Authority) -> TritonTls:
    right = ours.issue("mistaken")
    return TritonTls(right.ca_file, right.cert_file, right.key_file, "somebody-else")


def untrusted_triton(folder: Path, ours: Authority) -> TritonTls:
    """The client's own doubt: our certificate is good, Triton's is of an authority it knows not."""
    right = ours.issue("doubting")
    other = Authority(folder).ca_file
    return TritonTls(other, right.cert_file, right.key_file, "triton")


@pytest.mark.parametrize("made", [wrong_authority, wrong_server_name, untrusted_triton])
def test_a_wrong_certificate_gets_no_connection(
    stack: LocalStack,
    authority: Authority,
    tmp_path: Path,
    made: Callable[[Path, Authority], TritonTls],
) -> None:
    with pytest.raises(CallFailed, match="UNAVAILABLE"):
        ask(stack, made(tmp_path / "others", authority))


def test_without_a_certificate_there_is_no_connection(
    stack: LocalStack, authority: Authority
) -> None:
    with pytest.raises(CallFailed, match="UNAVAILABLE"):
        ask(stack, None)
    credentials = grpc.ssl_channel_credentials(authority.ca_file.read_bytes())
    options = (("grpc.ssl_target_name_override", "triton"),)
    with grpc.secure_channel(stack.triton["grpc"], credentials, options=options) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=SECONDS)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_tritons_http_is_closed_and_its_metrics_are_not(stack: LocalStack) -> None:
    assert stack.triton["http"] is None
    assert "nv_inference_count" in httpx.get(stack.triton["metrics"], trust_env=False).text
    host, _, port = stack.triton["grpc"].rpartition(":")
    with socket.socket() as probe:  # local_stack gives HTTP the port before that of gRPC
        assert probe.connect_ex((host, int(port) - 1)) != 0


def test_the_command_line_comes_in_with_the_certificate_of_its_machine(
    stack: LocalStack, environment: dict[str, str], tmp_path: Path
) -> None:
    picture = tmp_path / "seven.jpg"
    picture.write_bytes(pictures.seven_jpeg())
    with variables(environment):
        done = run(stack, "predict", str(picture), "--direct")
    assert done.stdout.startswith(f"{picture}: 7 "), done.stderr
