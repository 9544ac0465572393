from __future__ import annotations

import socket
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from triptych.errors import EnvironmentUnfit, PortInUse
from triptych.stack import libpython
from triptych.stack.preflight import check_environment, check_ports, check_state_dir


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return port_of(server)


def install_numpy(monkeypatch: pytest.MonkeyPatch, site: Path, version: str) -> None:
    """Let the import system find this version's metadata before the real one's."""
    metadata = site / f"numpy-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: numpy\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.parametrize("version", ["2.0.0", "2.3.1rc1", "10.0"])
def test_numpy_2_is_refused_with_the_reason_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    install_numpy(monkeypatch, tmp_path, version)

    with pytest.raises(EnvironmentUnfit, match=r"corrupts tensors\. Please run: make setup") as no:
        check_environment()

    assert str(no.value).startswith(f"numpy {version} is installed")


def test_this_environment_is_fit() -> None:
    check_environment()


@pytest.mark.parametrize("name", ["with space", "quote'd", "$HOME", "a;b"])
def test_a_state_folder_that_a_shell_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EnvironmentUnfit, match="choose a plain path with --state-dir"):
        check_state_dir(tmp_path / name)


def test_a_plain_state_folder_passes(tmp_path: Path) -> None:
    check_state_dir(tmp_path / "state-1_a.b")


def test_a_missing_libpython_is_named_with_the_debian_package_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sysconfig.get_config_vars(), "LIBDIR", str(tmp_path))
    monkeypatch.setattr("sys.base_prefix", str(tmp_path))
    monkeypatch.setitem(sysconfig.get_config_vars(), "MULTIARCH", str(tmp_path))

    assert libpython.find_libpython() is None
    with pytest.raises(EnvironmentUnfit, match=libpython.LIBRARY) as caught:
        check_environment()
    assert f"apt-get install --yes {libpython.DEBIAN_PACKAGE}" in str(caught.value)


@pytest.mark.parametrize("place", ["LIBDIR", "base_prefix", "MULTIARCH"])
def test_libpython_is_looked_for_in_each_place_where_one_may_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    empty, found = tmp_path / "empty", tmp_path / "found"
    (found / "lib").mkdir(parents=True)
    folder = found / "lib" if place == "base_prefix" else found
    (folder / libpython.LIBRARY).touch()
    places = dict.fromkeys(("LIBDIR", "base_prefix", "MULTIARCH"), empty) | {place: found}
    monkeypatch.setitem(sysconfig.get_config_vars(), "LIBDIR", str(places["LIBDIR"]))
    monkeypatch.setattr("sys.base_prefix", str(places["base_prefix"]))
    monkeypatch.setitem(sysconfig.get_config_vars(), "MULTIARCH", str(places["MULTIARCH"]))

    assert libpython.require_libpython() == folder


def test_free_ports_pass_even_while_an_old_connection_waits_out_its_end(
    listener: socket.socket,
) -> None:
    port = port_of(listener)
    with socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = listener.accept()
        accepted.close()  # the server's side closes first, so its port is left in TIME_WAIT
        assert client.recv(1) == b""
    listener.close()

    check_ports({"--gateway-port": port, "--ui-port": free_port()})


def test_a_port_in_use_is_named_with_the_option_that_changes_it(listener: socket.socket) -> None:
    port = port_of(listener)

    with pytest.raises(PortInUse) as caught:
        check_ports({"--ui-port": free_port(), "--gateway-port": port})

    assert str(caught.value) == (
        f"Port {port} is in use; stop what uses it or choose another with --gateway-port."
    )


def test_a_port_that_something_uses_on_every_address_is_in_use() -> None:
    with (
        socket.create_server(("0.0.0.0", 0)) as server,  # noqa: S104 - that is the case in question
        pytest.raises(PortInUse),
    ):
        check_ports({"--ui-port": port_of(server)})


def test_a_port_asked_for_twice_is_named_with_both_options() -> None:
    port = free_port()

    with pytest.raises(PortInUse, match=f"--ui-port and --gateway-port both ask for port {port}"):
        check_ports({"--gateway-port": port, "--ui-port": port})
