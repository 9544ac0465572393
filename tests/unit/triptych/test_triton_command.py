from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.certificates import Authority, as_settings
from triptych.errors import EnvironmentUnfit
from triptych.stack.settings import StackSettings
from triptych.stack.shared_memory import region_prefix
from triptych.stack.triton_addresses import TritonAddresses
from triptych.stack.triton_install import TritonInstall, prepare_triton
from triptych.stack.triton_process import triton_command

INSTALL = TritonInstall(Path("/wheel/bin/tritonserver"), Path("/state/backends"), "/lib:/libs")
PORTS = {"triton_http_port": 11, "triton_grpc_port": 12, "triton_metrics_port": 13}
SETTINGS = StackSettings.model_validate({"state_dir": "/state", **PORTS})


def options(settings: StackSettings = SETTINGS) -> dict[str, str]:
    _, *arguments = triton_command(INSTALL, Path("/state/serving"), settings, "s3cret")
    pairs = [argument.removeprefix("--").partition("=") for argument in arguments]
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("option", ["grpc-restricted-protocol", "http-restricted-api"])
def test_whoever_may_change_triton_needs_the_secret(option: str) -> None:
    protocols, _, key = options()[option].partition(":")

    assert set(protocols.split(",")) == {"model-repository", "shared-memory", "trace", "logging"}
    assert key == "admin-key=s3cret"


def test_triton_listens_on_loopback_only() -> None:
    addresses = {name: value for name, value in options().items() if name.endswith("-address")}

    assert addresses == {
        "http-address": "127.0.0.1",
        "grpc-address": "127.0.0.1",
        "metrics-address": "127.0.0.1",
    }


def test_the_ports_are_those_of_the_settings_and_of_what_the_others_are_told() -> None:
    found = options()

    assert (found["http-port"], found["grpc-port"], found["metrics-port"]) == ("11", "12", "13")
    assert TritonAddresses.of(SETTINGS) == TritonAddresses(
        "http://127.0.0.1:11", "127.0.0.1:12", "http://127.0.0.1:13/metrics"
    )


def test_http_can_be_closed_and_then_nobody_is_told_of_it() -> None:
    closed = SETTINGS.model_copy(update={"triton_http": False})

    found = options(closed)

    assert {name for name in found if "http" in name} == {"allow-http"}
    assert found["allow-http"] == "false"
    assert TritonAddresses.of(closed).http is None


def test_with_certificates_triton_takes_mutual_tls_and_we_show_its_own(tmp_path: Path) -> None:
    tls = Authority(tmp_path).issue("triton")
    secured = StackSettings.model_validate(as_settings("triton_tls", tls))

    found = options(secured)

    assert (found["grpc-use-ssl"], found["grpc-use-ssl-mutual"]) == ("true", "true")
    assert found["grpc-server-cert"] == str(tls.cert_file)
    assert found["grpc-server-key"] == str(tls.key_file)
    assert found["grpc-root-cert"] == str(tls.ca_file)
    assert TritonAddresses.of(secured).tls == tls
    assert not [name for name in options() if "ssl" in name]


def test_certificates_come_all_together_and_exist(tmp_path: Path) -> None:
    wanted = as_settings("triton_tls", Authority(tmp_path).issue("triton"))
    without_key = {name: it for name, it in wanted.items() if "key" not in name}

    with pytest.raises(ValidationError, match="set together or not at all"):
        StackSettings.model_validate(without_key)
    with pytest.raises(ValidationError, match="triton_tls_key_file"):
        StackSettings.model_validate({**wanted, "triton_tls_key_file": "/nobody/wrote/it"})


def test_nothing_is_loaded_or_completed_unless_the_supervisor_says_so() -> None:
    found = options()

    assert found["model-control-mode"] == "explicit"
    assert found["strict-readiness"] == "false"
    assert "disable-auto-complete-config" in found
    assert "load-model" not in found


def test_triton_traces_what_asks_for_it_and_tells_its_own_supervisor() -> None:
    command = triton_command(INSTALL, Path("/state/serving"), SETTINGS, "s3cret")
    traced = [it.removeprefix("--trace-config=") for it in command if it.startswith("--trace")]

    assert "mode=opentelemetry" in traced
    assert "rate=0" in traced
    assert "opentelemetry,bsp_schedule_delay=200" in traced
    assert f"opentelemetry,url=http://127.0.0.1:{SETTINGS.supervisor_port}/v1/traces" in traced


def test_triton_serves_the_view_with_our_backends_and_its_own_shared_memory() -> None:
    found = options()

    assert found["model-repository"] == "/state/serving"
    assert found["backend-directory"] == "/state/backends"
    assert found["backend-config"] == (
        f"python,shm-region-prefix-name={region_prefix(Path('/state'))}"
    )


def test_the_environment_leads_the_stub_to_this_virtual_environment() -> None:
    environment = INSTALL.environment()

    venv = Path(sys.executable).parent.parent
    assert environment["LD_LIBRARY_PATH"] == "/lib:/libs"
    assert environment["PATH"] == f"{venv / 'bin'}:{os.environ['PATH']}"
    assert environment["VIRTUAL_ENV"] == str(venv)
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_environment_holds_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_SUPERVISOR_SECRET", "hush-hush")
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://user:hush-hush@host/name")
    monkeypatch.setenv("TRIPTYCH_PART_OF", "what leftovers are found by")

    environment = INSTALL.environment()

    assert "hush-hush" not in " ".join(environment.values())
    assert environment["TRIPTYCH_PART_OF"] == "what leftovers are found by"


def test_the_backend_folder_holds_tritons_python_backend_and_links_to_ours(tmp_path: Path) -> None:
    leftover = tmp_path / "backends" / "old_backend"
    leftover.mkdir(parents=True)

    install = prepare_triton(tmp_path / "backends")

    backends = install.backend_dir
    assert install.binary.is_file()
    assert os.access(backends / "python" / "triton_python_backend_stub", os.X_OK)
    assert (backends / "python" / "libtriton_python.so").is_file()
    assert (backends / "python" / "triton_python_backend_utils.py").is_file()
    for ours in ("image_preprocess", "classification_postprocess", "onnxruntime"):
        assert (backends / ours / "model.py").is_file()
    assert not (backends / "shared").exists()
    assert not leftover.exists()
    for folder in install.library_path.split(":"):
        assert Path(folder).is_dir()


def test_without_the_wheel_the_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "pytriton", raising=False)

    with pytest.raises(EnvironmentUnfit, match=r"pytriton is not installed\. .* make setup"):
        prepare_triton(tmp_path / "backends")


def test_a_python_for_which_the_wheel_has_no_stub_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "pytriton" / "__init__.py"
    package.parent.mkdir()
    package.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pytriton", raising=False)

    with pytest.raises(EnvironmentUnfit, match=r"no stub for Python 3\.1[12]"):
        prepare_triton(tmp_path / "backends")
