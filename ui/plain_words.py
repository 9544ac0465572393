"""Problems and states -> a title and a sentence that a person can act on. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum

from ui.calls.routes import TEXT_TASK
from ui.calls.service_watch import ServiceState, ServiceStatus
from ui.errors import (
    AnswerNotUnderstood,
    ApiKeyMissing,
    ApiKeyUnusable,
    GatewayDown,
    GatewayProblem,
    GatewayTimedOut,
    RequestRefused,
)
from ui.texts import Texts
from ui.view_models import as_code, escape_markdown


@dataclass(frozen=True)
class Notice:
    """A title in plain text, a body in Markdown, and whether trying again makes sense."""

    title: str
    body: str
    can_try_again: bool = False


class Asked(Enum):
    """What was asked of the gateway; it decides what a refusal speaks of."""

    PICTURE = ("code", "status")
    TEXT = ("text_code", "code", "text_status", "status")
    ORDER = ("order_status",)
    """No model was asked: somebody looked at, or changed, how things are run."""
    JOB = ("job_code", "order_status")
    """A job was handed in, to be answered later."""


_PROBLEMS: dict[type[GatewayProblem], str] = {
    GatewayDown: "problem.gateway_down",
    GatewayTimedOut: "problem.gateway_timed_out",
    AnswerNotUnderstood: "problem.answer_not_understood",
}


def asked_of(task: str) -> Asked:
    """What is asked of a model with this task."""
    return Asked.TEXT if task == TEXT_TASK else Asked.PICTURE


def problem_notice(problem: GatewayProblem, texts: Texts, asked: Asked = Asked.PICTURE) -> Notice:
    """Put a failed call into plain words, with the request id where there is one.

    Args:
        problem: What went wrong.
        texts: The reader's language.
        asked: What the call was about.
    """
    if isinstance(problem, ApiKeyMissing):
        words = _key_notice(problem, texts)
    elif isinstance(problem, ApiKeyUnusable):
        words = Notice(texts("sign_in.title"), texts("sign_in.unusable"))
    elif isinstance(problem, RequestRefused):
        words = _refusal_notice(problem, texts, asked)
    else:
        words = _notice(texts, _PROBLEMS.get(type(problem), "refusal.unknown"))
    return replace(words, can_try_again=not problem.is_lasting)


def status_notice(
    status: ServiceStatus,
    texts: Texts,
    *,
    gateway_url: str,
    interval_seconds: float,
    now: datetime,
    zone: timezone | None,
) -> Notice | None:
    """Say why predictions are paused and since when; None when all is well.

    Args:
        status: The newest status.
        texts: The reader's language.
        gateway_url: Where the gateway should be.
        interval_seconds: How often the page looks again.
        now: Decides whether the time alone is enough or the date is needed too.
        zone: The reader's time zone; None is this machine's.
    """
    since = local_time(status.since, texts, now=now, zone=zone)
    again = texts("status.again", seconds=f"{interval_seconds:g}")
    if status.state is ServiceState.GATEWAY_DOWN:
        is_foreign = isinstance(status.problem, AnswerNotUnderstood)
        name = "status.not_the_gateway" if is_foreign else "status.gateway_down"
        what = texts(name, where=as_code(gateway_url), since=since)
        return Notice(texts("status.paused"), f"{what} {again}")
    if status.state is ServiceState.TRITON_NOT_READY:
        reason = escape_markdown(status.reason or texts("status.no_reason")).rstrip("\\.")
        what = texts("status.triton_not_ready", since=since, reason=reason)
        return Notice(texts("status.paused"), f"{what} {again}")
    if status.problem is not None:
        words = problem_notice(status.problem, texts)
        since_when = texts("status.paused_since", since=since)
        return Notice(words.title, f"{words.body}\n\n{since_when} {again}")
    return None


def local_time(moment: datetime, texts: Texts, *, now: datetime, zone: timezone | None) -> str:
    """Write a moment as the reader's clock shows it, with the date when it was another day."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # the last day that there is may be over in the reader's zone
        local = moment
    clock = f"{local:%H:%M:%S}"
    if local.date() == now.astimezone(zone).date():
        return clock
    return texts("status.on_day", clock=clock, date=local)


def _key_notice(problem: ApiKeyMissing, texts: Texts) -> Notice:
    if problem.key_file is None:
        where = texts("problem.no_key.set_it", variable=as_code("UI_API_KEY_FILE"))
    else:
        where = texts("problem.no_key.in_file", file=as_code(str(problem.key_file)))
    return Notice(texts("problem.no_key.title"), where)


def _refusal_notice(problem: RequestRefused, texts: Texts, asked: Asked) -> Notice:
    name = _words_for(problem, texts, asked)
    words = _notice(texts, name)
    parts = [words.body]
    if problem.message and not name.endswith(f".{problem.code}"):
        # Our words are about the whole class of errors, so the gateway's add something.
        parts.append(texts("refusal.gateway_says", message=escape_markdown(problem.message)))
    if problem.request_id:
        parts.append(texts("refusal.request_id", request_id=as_code(problem.request_id)))
    return Notice(words.title, "\n\n".join(parts))


def _words_for(problem: RequestRefused, texts: Texts, asked: Asked) -> str:
    """The name of the first words that fit: those for its code before those for its status."""
    for kind in asked.value:
        what = problem.code if kind.endswith("code") else str(problem.status)
        name = f"refusal.{kind}.{what}"
        if f"{name}.title" in texts:
            return name
    fallback = f"refusal.status.{problem.status}"
    asks_no_model = asked in {Asked.ORDER, Asked.JOB}
    is_of_moment = asks_no_model and problem.status >= 429 and f"{fallback}.title" in texts
    return fallback if is_of_moment else "refusal.unknown"


def _notice(texts: Texts, name: str) -> Notice:
    return Notice(texts(f"{name}.title"), texts(f"{name}.body"))
