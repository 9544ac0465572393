"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from triptych.stack.settings import StackSettings

Function = TypeVar("Function", bound=Callable[..., Any])

# Option name -> field of StackSettings; None means "as the environment or the default says".
_PATHS = {"--state-dir": "state_dir", "--model-repository": "model_repository"}
_PORTS = {
    "--triton-http-port": "triton_http_port",
    "--triton-grpc-port": "triton_grpc_port",
    "--triton-metrics-port": "triton_metrics_port",
    "--supervisor-port": "supervisor_port",
    "--gateway-port": "gateway_port",
    "--ui-port": "ui_port",
}
_COUNTS = {"--tritons": "tritons", "--gateway-workers": "gateway_workers"}
_COUNT_HELP = {
    "tritons": "How many Tritons run side by side, on ports 10 apart. Default 1.",
    "gateway_workers": "How many processes are the gateway; several need a Redis. Default 1.",
}


def state_dir_option(function: Function) -> Function:
    """Add --state-dir."""
    kind = click.Path(file_okay=False, path_type=Path)
    option = click.option("--state-dir", type=kind, help="Folder of keys, logs and the database.")
    return option(function)


def stack_options(function: Function) -> Function:
    """Add every option that changes a field of StackSettings."""
    for option, field in reversed(_COUNTS.items()):
        kind, text = click.IntRange(min=1), _COUNT_HELP[field]
        function = click.option(option, field, type=kind, help=text)(function)
    return _with_ports(function, _PORTS)


def triton_options(function: Function) -> Function:
    """Add those options of it that concern Triton and its supervisor."""
    elsewhere = {"--gateway-port", "--ui-port"}
    return _with_ports(
        function, {option: it for option, it in _PORTS.items() if option not in elsewhere}
    )


def _with_ports(function: Function, ports: dict[str, str]) -> Function:
    for option, field in reversed(ports.items()):
        default = StackSettings.model_fields[field].default
        text = f"Default {default}."
        function = click.option(option, field, type=click.IntRange(1, 65535), help=text)(function)
    kind = click.Path(file_okay=False, path_type=Path)
    help_text = "Folder of the releases. Default model_repository."
    function = click.option("--model-repository", type=kind, help=help_text)(function)
    return state_dir_option(function)


def settings_from(**given: object) -> StackSettings:
    """Build the settings; options that were not given are left to environment and default."""
    wanted: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    return StackSettings(**wanted)


def arguments_from(**given: object) -> list[str]:
    """Write options that were given as a command line again."""
    names = {field: option for option, field in {**_PATHS, **_PORTS, **_COUNTS}.items()}
    return [
        part
        for field, value in given.items()
        if value is not None
        for part in (names[field], str(value))
    ]
