"""triptych predict FILE... or --text TEXT: through the gateway, or straight to Triton."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import httpx

from python_backends.shared.contract import ItemAnswer, Status, Task
from triptych.cli.connections import open_gateway
from triptych.cli.options import settings_from, state_dir_option
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed, OptionInvalid
from triptych.routing import ReleaseName, first_routes
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import TritonEntry, read_stack

_TIMEOUT_SECONDS = 30.0
_TEXT_SUFFIX = ".txt"
_SHOWN_CHARACTERS = 60

_Thing = TypeVar("_Thing")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Questions:
    """What the command line asks about: files, or texts, never both."""

    files: tuple[Path, ...]
    texts: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What tells them apart: a file's path, a text itself."""
        return self.texts or tuple(str(file) for file in self.files)


@dataclass(frozen=True)
class Verdict:
    """What became of one file or text."""

    label: str | None
    score: float | None
    error: str | None
    truncated: bool = False


@click.command(short_help="Classify images or texts.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", "texts", multiple=True, help="Instead of files; may be given again.")
@click.option("--alias", default="digits", show_default=True, help="Which pipeline to ask.")
@click.option("--direct", is_flag=True, help="Call Triton's gRPC without the gateway.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@state_dir_option
def predict(
    *,
    files: tuple[Path, ...],
    texts: tuple[str, ...],
    alias: str,
    direct: bool,
    as_json: bool,
    state_dir: Path | None,
) -> None:
    """Classify images or texts; exit code 1 when any of them got no answer.

    A .txt file is one text, for an alias that classifies texts.
    """
    if not files and not texts:
        raise click.UsageError("Give one file or more, or --text.")
    if files and texts:
        raise OptionInvalid("Give files or --text, not both.")
    questions = Questions(files, texts)
    if direct:
        settings = settings_from(state_dir=state_dir)
        verdicts = _ask_triton(settings, alias, questions)
    else:
        verdicts = _ask_gateway(state_dir, alias, questions)
    _print_verdicts(questions, verdicts, as_json=as_json)
    sys.exit(1 if any(verdict.error for verdict in verdicts) else 0)


def _print_verdicts(questions: Questions, verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    pairs = list(zip(questions.names, verdicts, strict=True))
    if as_json:
        kind = "text" if questions.texts else "file"
        click.echo(json.dumps([{kind: name, **vars(it)} for name, it in pairs], indent=2))
        return
    for name, verdict in pairs:
        note = "  (only its first part was read)" if verdict.truncated else ""
        said = verdict.error or f"{verdict.label}  {verdict.score:.4f}{note}"
        click.echo(f"{_on_one_line(name) if questions.texts else name}: {said}")


def _on_one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"


def _ask_gateway(state_dir: Path | None, alias: str, questions: Questions) -> list[Verdict]:
    with open_gateway(state_dir) as gateway:
        route = gateway.route(alias)
        size = int(route["max_batch_size"])
        if _check_task(route, alias, questions) is Task.TEXT_CLASSIFICATION:
            texts = _read_texts(questions)
            results = _in_slices(
                lambda some: gateway.classify_texts(alias, some)["results"], texts, size
            )
        else:
            results = _in_slices(
                lambda some: gateway.classify_files(alias, some)["results"], questions.files, size
            )
    return [_from_result(result) for result in results]


def _from_result(result: dict[str, object]) -> Verdict:
    match result:
        case {"error": {"message": str(message)}}:
            return Verdict(None, None, message)
        case {"predictions": [{"label": str(label), "score": float(score)}, *_]}:
            return Verdict(label, score, None, truncated=result.get("truncated") is True)
        case _:
            raise CallFailed(
                f"the gateway answered in a way that this version does not know: {result}"
            )


def _ask_triton(settings: StackSettings, alias: str, questions: Questions) -> list[Verdict]:
    triton = read_stack(settings.state_dir).tritons[0]
    release, described = _find_release(triton, alias)
    size = int(described["max_batch_size"])
    task = _check_task(described, alias, questions)
    with TritonConnection(triton.grpc, tls=settings.triton_tls) as connection:

        def ask(items: Sequence[bytes]) -> list[ItemAnswer]:
            return connection.classify(release, task, items, _TIMEOUT_SECONDS)

        if task is Task.TEXT_CLASSIFICATION:
            answers = _in_slices(ask, [text.encode() for text in _read_texts(questions)], size)
        else:
            answers = _in_slices(
                lambda some: ask([file.read_bytes() for file in some]), questions.files, size
            )
    return [_from_answer(answer) for answer in answers]


def _from_answer(answer: ItemAnswer) -> Verdict:
    if not answer.status.is_answered:
        return Verdict(None, None, f"refused: {answer.status.name.lower()}")
    truncated = answer.status is Status.TRUNCATED
    return Verdict(answer.labels[0], answer.scores[0], None, truncated)


def _find_release(triton: TritonEntry, alias: str) -> tuple[str, dict[str, Any]]:
    """Ask the supervisor which release the alias means, and what it says of that release."""
    try:
        found = httpx.get(f"{triton.supervisor}/releases", timeout=3.0, trust_env=False).json()
    except (httpx.HTTPError, ValueError) as exc:
        raise CallFailed(f"the supervisor at {triton.supervisor} does not answer: {exc}") from exc
    routes = first_routes(ReleaseName(item["alias"], item["number"]) for item in found.values())
    if alias not in routes:
        raise CallFailed(f"there is no alias {alias!r}; there are: {', '.join(routes) or 'none'}")
    release = str(routes[alias])
    return release, found[release]


def _check_task(described: Mapping[str, Any], alias: str, questions: Questions) -> Task:
    """Read what the alias does, and see that it can be asked about these things.

    Raises:
        CallFailed: this version does not know that task.
        OptionInvalid: the alias takes images and got texts, or the other way round.
    """
    try:
        task = Task(str(described.get("task")))
    except ValueError as exc:
        raise CallFailed(f"this version does not know what {alias!r} does: {exc}") from exc
    if task is not Task.TEXT_CLASSIFICATION and questions.texts:
        raise OptionInvalid(f"The alias {alias!r} classifies images, not texts: give files.")
    if task is Task.TEXT_CLASSIFICATION:
        for file in questions.files:
            if file.suffix.lower() != _TEXT_SUFFIX:
                raise OptionInvalid(
                    f"The alias {alias!r} classifies texts, and {file} is no {_TEXT_SUFFIX} file."
                )
    return task


def _read_texts(questions: Questions) -> list[str]:
    """All texts, before the first is sent: one that cannot be read must not cost the others.

    Raises:
        OptionInvalid: a text is not UTF-8.
    """
    texts = []
    for name, encoded in _encoded_texts(questions):
        try:
            texts.append(encoded.decode("utf-8-sig"))
        except UnicodeDecodeError as exc:
            raise OptionInvalid(f"{name} is not UTF-8: {exc}") from exc
    return texts


def _encoded_texts(questions: Questions) -> Iterator[tuple[str, bytes]]:
    for file in questions.files:
        yield str(file), file.read_bytes()
    for text in questions.texts:
        # Bytes that are not UTF-8 come in as half surrogate pairs; fsencode turns them back.
        yield "--text", os.fsencode(text)


def _in_slices(
    ask: Callable[[Sequence[_Thing]], Iterable[_Answer]], things: Sequence[_Thing], size: int
) -> list[_Answer]:
    starts = range(0, len(things), size)
    return [answer for start in starts for answer in ask(things[start : start + size])]
