"""Problems and states -> a title and a sentence that a person can act on. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ui.errors import (
    AnswerNotUnderstood,
    ApiKeyMissing,
    GatewayDown,
    GatewayProblem,
    GatewayTimedOut,
    RequestRefused,
)
from ui.gateway_answers import IMAGE_TASK, TEXT_TASK
from ui.service_watch import ServiceState, ServiceStatus
from ui.view_models import as_code, escape_markdown


@dataclass(frozen=True)
class Notice:
    """A title in plain text, a body in Markdown, and whether trying again makes sense."""

    title: str
    body: str
    can_try_again: bool = False


# Where the status alone would say too little; the codes are the gateway's.
BY_CODE = {
    "undecodable_image": Notice(
        "This file cannot be read as a picture",
        "It is damaged, cut short, or something else under a picture's name. "
        "Try another file, or save it again as JPEG, PNG or WebP.",
    ),
    "image_too_large": Notice(
        "This picture has too many pixels", "Make it smaller and give it again."
    ),
    "undecodable_text": Notice(
        "This text cannot be read",
        "It holds something that is no character. Write it anew, and classify it again.",
    ),
    "harmful_input": Notice(
        "This input cannot be looked at", "Looking at it fails each time. Try another one."
    ),
    "text_too_large": Notice("This text is too long", "Shorten it and classify it again."),
    "malformed_json": Notice(
        "This text cannot be sent as it is",
        "It holds something that is no character, perhaps half of an emoji. "
        "Take it out, and classify the text again.",
    ),
    "unsupported_media_type": Notice(
        "This model takes something else now",
        "It was replaced while this page was open. Choose a model in the sidebar, "
        "or open this page again.",
    ),
    "empty_body": Notice("This file is empty", "Try another one."),
    "overloaded": Notice(
        "The service is busy", "More came than it can take. Wait a moment, then try again."
    ),
}

TEXT_BY_CODE = {
    "empty_body": Notice("There is no text", "Write one, and classify it again."),
}

BY_STATUS = {
    400: Notice(
        "The service could not accept this request",
        "This model may know fewer labels than you asked for: "
        "move “Labels to show” in the sidebar down.",
    ),
    401: Notice(
        "The service does not know this page's API key",
        "Whoever runs this page can put a valid key into its key file; "
        "the page reads it again by itself.",
    ),
    403: Notice(
        "This page's API key may not use this model",
        "Choose another model, or ask whoever runs the service for access.",
    ),
    404: Notice("This model is not there any more", "Choose another one in the sidebar."),
    413: Notice("This file is too large", "Make the picture smaller and give it again."),
    415: Notice(
        "This format is not supported", "Save the picture as JPEG, PNG or WebP and give it again."
    ),
    422: Notice("The service cannot use this picture", "Try another one."),
    429: Notice("The service is busy", "Wait a moment, then try again."),
    502: Notice("The model could not answer", "The fault is not in what you gave. Try again."),
    503: Notice("The service is not ready", "Wait a moment, then try again."),
    504: Notice("The answer took too long", "The service may be busy. Try again."),
}

TEXT_BY_STATUS = {
    413: Notice("This text is too long", "Shorten it and classify it again."),
    415: Notice("This model does not take texts", "Choose another one in the sidebar."),
    422: Notice("The service cannot use this text", "Try another one."),
}

CODES_OF_TASK = {IMAGE_TASK: BY_CODE, TEXT_TASK: BY_CODE | TEXT_BY_CODE}
STATUSES_OF_TASK = {IMAGE_TASK: BY_STATUS, TEXT_TASK: BY_STATUS | TEXT_BY_STATUS}

UNKNOWN_REFUSAL = Notice(
    "The service could not answer", "Something went wrong on its side. Try again."
)

BY_PROBLEM: dict[type[GatewayProblem], Notice] = {
    GatewayDown: Notice(
        "The gateway does not answer", "Try again when the line at the top says ready."
    ),
    GatewayTimedOut: Notice(
        "The answer took too long", "The gateway took the request but did not answer in time."
    ),
    AnswerNotUnderstood: Notice(
        "The answer cannot be read", "Something answered that does not speak like our gateway."
    ),
}


def problem_notice(problem: GatewayProblem, task: str = IMAGE_TASK) -> Notice:
    """Put a failed call into plain words, with the request id where there is one.

    Args:
        problem: What went wrong.
        task: What the model does that was asked; it decides whether pictures or texts are meant.
    """
    if isinstance(problem, ApiKeyMissing):
        words = _key_notice(problem)
    elif isinstance(problem, RequestRefused):
        words = _refusal_notice(problem, task)
    else:
        words = BY_PROBLEM.get(type(problem), UNKNOWN_REFUSAL)
    return replace(words, can_try_again=not problem.is_lasting)


def status_notice(
    status: ServiceStatus,
    *,
    gateway_url: str,
    interval_seconds: float,
    now: datetime,
    zone: timezone | None,
) -> Notice | None:
    """Say why predictions are paused and since when; None when all is well.

    Args:
        status: The newest status.
        gateway_url: Where the gateway should be.
        interval_seconds: How often the page looks again.
        now: Decides whether the time alone is enough or the date is needed too.
        zone: The reader's time zone; None is this machine's.
    """
    since = local_time(status.since, now=now, zone=zone)
    again = f"This page tries again every {interval_seconds:g} seconds by itself."
    if status.state is ServiceState.GATEWAY_DOWN:
        where = as_code(gateway_url)
        what = f"The gateway at {where} does not answer since {since}."
        if isinstance(status.problem, AnswerNotUnderstood):
            what = f"Since {since} something other than the gateway answers at {where}."
        return Notice("Predictions are paused", f"{what} {again}")
    if status.state is ServiceState.TRITON_NOT_READY:
        reason = escape_markdown(status.reason or "the gateway gives no reason").rstrip("\\.")
        return Notice(
            "Predictions are paused", f"Triton is not ready since {since}: {reason}. {again}"
        )
    if status.problem is not None:
        words = problem_notice(status.problem)
        return Notice(words.title, f"{words.body}\n\nPredictions are paused since {since}. {again}")
    return None


def local_time(moment: datetime, *, now: datetime, zone: timezone | None) -> str:
    """Write a moment as the reader's clock shows it, with the date when it was another day."""
    local = moment.astimezone(zone)
    clock = f"{local:%H:%M:%S}"
    if local.date() == now.astimezone(zone).date():
        return clock
    return f"{clock} on {local.day} {local:%B %Y}"


def _key_notice(problem: ApiKeyMissing) -> Notice:
    if problem.key_file is None:
        where = f"Set {as_code('UI_API_KEY_FILE')} to the path of a file that holds one."
    else:
        where = f"The file {as_code(str(problem.key_file))} is missing or holds no usable key."
    return Notice("This page has no API key", where)


def _refusal_notice(problem: RequestRefused, task: str) -> Notice:
    by_code = CODES_OF_TASK[task].get(problem.code)
    words = by_code or STATUSES_OF_TASK[task].get(problem.status, UNKNOWN_REFUSAL)
    parts = [words.body]
    if by_code is None and problem.message:
        # Our words are about the whole class of errors, so the gateway's add something.
        parts.append(f"The gateway says: “{escape_markdown(problem.message)}”")
    if problem.request_id:
        parts.append(f"Request id {as_code(problem.request_id)}")
    return Notice(words.title, "\n\n".join(parts))
