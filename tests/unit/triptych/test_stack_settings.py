from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from triptych.cli.options import arguments_from, settings_from
from triptych.stack.settings import StackSettings


def test_an_option_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIPTYCH_UI_PORT", "4000")
    monkeypatch.setenv("TRIPTYCH_GATEWAY_PORT", "4001")

    settings = settings_from(gateway_port=5001, state_dir=None)

    assert (settings.gateway_port, settings.ui_port, settings.triton_grpc_port) == (
        5001,
        4000,
        8001,
    )
    assert settings.state_dir == Path(".triptych")


def test_options_that_were_given_can_be_written_as_a_command_line_again() -> None:
    arguments = arguments_from(state_dir=Path("/s"), ui_port=4000, gateway_port=None)

    assert arguments == ["--state-dir", "/s", "--ui-port", "4000"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRIPTYCH_GATEWAY_PORT", "0"),
        ("TRIPTYCH_GATEWAY_PORT", "65536"),
        ("TRIPTYCH_GATEWAY_PORT", "http"),
        ("TRIPTYCH_CANARY_INTERVAL_SECONDS", "0"),
        ("TRIPTYCH_MAX_IMAGE_BYTES", "-1"),
        ("TRIPTYCH_EXIT_TIMEOUT_SECONDS", "1.5"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        StackSettings()


def test_every_port_that_a_start_needs_is_checked_and_the_uis_only_with_a_ui() -> None:
    settings = StackSettings()

    with_ui, without_ui = settings.ports(with_ui=True), settings.ports(with_ui=False)

    fields = {name for name in StackSettings.model_fields if name.endswith("_port")}
    assert {option.removeprefix("--").replace("-", "_") for option in with_ui} == fields
    assert set(with_ui) - set(without_ui) == {"--ui-port"}
    assert len(set(with_ui.values())) == len(with_ui)


def test_the_ports_of_several_tritons_lie_ten_apart_and_are_all_checked() -> None:
    settings = StackSettings(tritons=3)

    ports = settings.ports(with_ui=False)

    assert sorted(ports.values()) == sorted(
        [8080, *(base + i for base in (8000, 8010, 8020) for i in range(4))]
    )
    assert [it.supervisor_port for it in settings.each_triton()] == [8003, 8013, 8023]
    assert [it.triton_suffix for it in settings.each_triton()] == ["", "-1", "-2"]


def test_tritons_beyond_the_last_port_are_refused() -> None:
    with pytest.raises(ValidationError, match="beyond port 65535"):
        StackSettings(tritons=2, supervisor_port=65530)


def test_everything_that_a_stack_writes_lies_in_its_state_folder() -> None:
    settings = StackSettings.model_validate({"state_dir": "/state"})

    assert settings.log_dir == Path("/state/logs")
    assert settings.admin_key_file == Path("/state/admin.key")
    assert settings.ui_key_file == Path("/state/ui.key")
