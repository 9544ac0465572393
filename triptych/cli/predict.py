"""triptych predict FILE...: through the gateway, or straight to Triton."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import httpx

from triptych.cli.connections import open_gateway
from triptych.cli.options import settings_from, state_dir_option
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed
from triptych.routing import ReleaseName, first_routes
from triptych.stack.stack_file import TritonEntry, read_stack

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class FileAnswer:
    """What became of one file."""

    file: str
    label: str | None
    score: float | None
    error: str | None


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--alias", default="digits", show_default=True, help="Which pipeline to ask.")
@click.option("--direct", is_flag=True, help="Call Triton's gRPC without the gateway.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@state_dir_option
def predict(
    files: tuple[Path, ...], alias: str, direct: bool, as_json: bool, state_dir: Path | None
) -> None:
    """Classify images; exit code 1 when any of them got no answer."""
    if direct:
        settings = settings_from(state_dir=state_dir)
        answers = _ask_triton(read_stack(settings.state_dir).tritons[0], alias, files)
    else:
        answers = _ask_gateway(state_dir, alias, files)
    if as_json:
        click.echo(json.dumps([vars(answer) for answer in answers], indent=2))
    else:
        for answer in answers:
            verdict = answer.error or f"{answer.label}  {answer.score:.4f}"
            click.echo(f"{answer.file}: {verdict}")
    sys.exit(1 if any(answer.error for answer in answers) else 0)


def _ask_gateway(state_dir: Path | None, alias: str, files: Sequence[Path]) -> list[FileAnswer]:
    with open_gateway(state_dir) as gateway:
        size = gateway.max_batch_size(alias)
        results = [
            result
            for start in range(0, len(files), size)
            for result in gateway.classify_files(alias, files[start : start + size])["results"]
        ]
    return [_from_result(str(file), result) for file, result in zip(files, results, strict=True)]


def _from_result(file: str, result: dict[str, object]) -> FileAnswer:
    match result:
        case {"error": {"message": str(message)}}:
            return FileAnswer(file, None, None, message)
        case {"predictions": [{"label": str(label), "score": float(score)}, *_]}:
            return FileAnswer(file, label, score, None)
        case _:
            raise CallFailed(
                f"the gateway answered in a way that this version does not know: {result}"
            )


def _ask_triton(triton: TritonEntry, alias: str, files: Sequence[Path]) -> list[FileAnswer]:
    release, size = _find_release(triton, alias)
    answers = []
    with TritonConnection(triton.grpc) as connection:
        for start in range(0, len(files), size):
            images = [file.read_bytes() for file in files[start : start + size]]
            answers += connection.classify_images(release, images, _TIMEOUT_SECONDS)
    return [
        FileAnswer(str(file), answer.labels[0], answer.scores[0], None)
        if answer.status.is_answered
        else FileAnswer(str(file), None, None, f"refused: {answer.status.name.lower()}")
        for file, answer in zip(files, answers, strict=True)
    ]


def _find_release(triton: TritonEntry, alias: str) -> tuple[str, int]:
    """Ask the supervisor which release the alias means and how many items one request takes."""
    try:
        found = httpx.get(f"{triton.supervisor}/releases", timeout=3.0, trust_env=False).json()
    except (httpx.HTTPError, ValueError) as exc:
        raise CallFailed(f"the supervisor at {triton.supervisor} does not answer: {exc}") from exc
    routes = first_routes(ReleaseName(item["alias"], item["number"]) for item in found.values())
    if alias not in routes:
        raise CallFailed(f"there is no alias {alias!r}; there are: {', '.join(routes) or 'none'}")
    release = str(routes[alias])
    return release, int(found[release]["max_batch_size"])
