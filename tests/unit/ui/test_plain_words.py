from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ui.calls.service_watch import ServiceState, ServiceStatus
from ui.errors import (
    AnswerNotUnderstood,
    ApiKeyMissing,
    GatewayDown,
    GatewayProblem,
    GatewayTimedOut,
    RequestRefused,
)
from ui.plain_words import Asked, Notice, local_time, problem_notice, status_notice
from ui.texts import load_texts

ENGLISH = load_texts("en")
SINCE = datetime(2026, 5, 3, 8, 32, 5, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=2))


def refused(status: int, code: str = "some_code", message: str = "") -> RequestRefused:
    return RequestRefused(status=status, code=code, message=message, request_id="req-9")


def banner(status: ServiceStatus) -> Notice | None:
    return status_notice(
        status,
        ENGLISH,
        gateway_url="http://gateway:8080",
        interval_seconds=2,
        now=SINCE + timedelta(minutes=5),
        zone=BERLIN,
    )


@pytest.mark.parametrize(
    ("problem", "title"),
    [
        (refused(422, "undecodable_image"), "This file cannot be read as a picture"),
        (refused(422, "image_too_large"), "This picture has too many pixels"),
        (refused(400, "empty_body"), "This file is empty"),
        (refused(503, "overloaded"), "The service is busy"),
        (refused(400), "The service could not accept this request"),
        (refused(401), "The service does not know this API key"),
        (refused(403), "This API key may not use this model"),
        (refused(404), "This model is not there any more"),
        (refused(413), "This file is too large"),
        (refused(415), "This format is not supported"),
        (refused(422), "The service cannot use this picture"),
        (refused(429), "The service is busy"),
        (refused(502), "The model could not answer"),
        (refused(503), "The service is not ready"),
        (refused(504), "The answer took too long"),
        (refused(500), "The service could not answer"),
        (GatewayDown(), "The gateway does not answer"),
        (GatewayTimedOut(), "The answer took too long"),
        (AnswerNotUnderstood(), "The answer cannot be read"),
        (ApiKeyMissing(None), "This page has no API key"),
    ],
)
def test_each_problem_has_plain_words(problem: GatewayProblem, title: str) -> None:
    notice = problem_notice(problem, ENGLISH)

    assert notice.title == title
    assert notice.body


@pytest.mark.parametrize(
    ("problem", "title"),
    [
        (refused(422, "undecodable_text"), "This text cannot be read"),
        (refused(422, "text_too_large"), "This text is too long"),
        (refused(400, "malformed_json"), "This text cannot be sent as it is"),
        (refused(400, "empty_body"), "There is no text"),
        (refused(415, "unsupported_media_type"), "This model takes something else now"),
        (refused(413, "payload_too_large"), "This text is too long"),
        (refused(415), "This model does not take texts"),
        (refused(422), "The service cannot use this text"),
        (refused(503, "overloaded"), "The service is busy"),
        (GatewayTimedOut(), "The answer took too long"),
    ],
)
def test_problems_with_a_text_are_not_told_in_words_for_pictures(
    problem: GatewayProblem, title: str
) -> None:
    notice = problem_notice(problem, ENGLISH, Asked.TEXT)

    assert notice.title == title
    assert notice.body
    assert not {"picture", "file", "pixels"} & set(notice.body.lower().replace(".", " ").split())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503, 504])
def test_each_refusal_names_the_request(status: int) -> None:
    assert problem_notice(refused(status), ENGLISH).body.endswith("Request id `req-9`")


def test_a_refusal_without_a_request_id_does_not_speak_of_one() -> None:
    problem = RequestRefused(status=502, code="", message="", request_id=None)

    assert "Request id" not in problem_notice(problem, ENGLISH).body


def test_the_gateways_own_sentence_is_added_where_ours_is_general() -> None:
    notice = problem_notice(refused(400, message="top_k is at most 10, <not> 11."), ENGLISH)

    assert r"The gateway says: “top\_k is at most 10, \<not\> 11.”" in notice.body


def test_only_what_can_change_by_itself_can_be_tried_again() -> None:
    assert [problem_notice(refused(s), ENGLISH).can_try_again for s in (400, 413, 415, 422)] == [
        False
    ] * 4
    assert [problem_notice(refused(s), ENGLISH).can_try_again for s in (401, 429, 502, 503)] == [
        True
    ] * 4
    assert problem_notice(GatewayDown(), ENGLISH).can_try_again


def test_a_missing_key_file_is_named() -> None:
    assert "`/run/key`" in problem_notice(ApiKeyMissing(Path("/run/key")), ENGLISH).body
    assert "`UI_API_KEY_FILE`" in problem_notice(ApiKeyMissing(None), ENGLISH).body


def test_a_ready_service_needs_no_banner() -> None:
    assert banner(ServiceStatus(ServiceState.READY, SINCE)) is None


def test_the_banner_says_since_when_the_gateway_does_not_answer() -> None:
    status = ServiceStatus(ServiceState.GATEWAY_DOWN, SINCE, problem=GatewayDown())

    assert banner(status) == Notice(
        "Predictions are paused",
        "The gateway at `http://gateway:8080` does not answer since 10:32:05. "
        "This page tries again every 2 seconds by itself.",
    )


def test_the_banner_tells_a_stranger_from_silence() -> None:
    status = ServiceStatus(ServiceState.GATEWAY_DOWN, SINCE, problem=AnswerNotUnderstood())

    notice = banner(status)

    assert notice is not None
    assert "something other than the gateway answers at `http://gateway:8080`" in notice.body


def test_the_banner_says_since_when_and_why_triton_is_not_ready() -> None:
    status = ServiceStatus(ServiceState.TRITON_NOT_READY, SINCE, reason="A stub of a_b died.")

    assert banner(status) == Notice(
        "Predictions are paused",
        r"Triton is not ready since 10:32:05: A stub of a\_b died. "
        "This page tries again every 2 seconds by itself.",
    )


def test_the_banner_copes_without_a_reason() -> None:
    notice = banner(ServiceStatus(ServiceState.TRITON_NOT_READY, SINCE))

    assert notice is not None
    assert "the gateway gives no reason." in notice.body


def test_the_banner_says_what_is_wrong_with_the_key() -> None:
    problem = ApiKeyMissing(Path("/run/key"))

    notice = banner(ServiceStatus(ServiceState.MODELS_UNKNOWN, SINCE, problem=problem))

    assert notice is not None
    assert notice.title == "This page has no API key"
    assert "`/run/key`" in notice.body
    assert "Predictions are paused since 10:32:05." in notice.body


def test_a_time_of_another_day_comes_with_its_date() -> None:
    later = SINCE + timedelta(days=1)

    assert local_time(SINCE, ENGLISH, now=later, zone=BERLIN) == "10:32:05 on 2026-05-03"


def test_the_last_day_that_there_is_may_be_over_for_the_reader() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert local_time(last, ENGLISH, now=SINCE, zone=BERLIN) == "23:59:59 on 9999-12-31"
