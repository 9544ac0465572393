from __future__ import annotations

import httpx

from benchmarks.local_stack import LocalStack
from python_backends.shared.contract import Status, Task
from tests.word_votes import MAX_TEXT_BYTES, ONE_VOTE, TWO_VOTES
from triptych.client.triton import TritonConnection

SHORT = 1e-4


def test_a_text_gets_labels_and_scores(gateway: httpx.Client) -> None:
    answer = gateway.post("/v1/predict/words", json={"text": "Salt the SOUP, please"})

    best = answer.json()["predictions"][0]
    assert answer.status_code == 200
    assert best["label"] == "food"
    assert abs(best["score"] - TWO_VOTES) < SHORT
    assert "truncated" not in answer.json()


def test_one_bad_text_of_several_fails_alone(gateway: httpx.Client) -> None:
    texts = ["cold wind", "", "x" * (MAX_TEXT_BYTES + 1), "the race"]
    answer = gateway.post("/v1/predict/words", json={"texts": texts})

    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [it.get("predictions", [{}])[0].get("label") for it in results] == [
        "weather",
        None,
        None,
        "sports",
    ]
    assert [it.get("error", {}).get("code") for it in results] == [
        None,
        "empty_body",
        "text_too_large",
        None,
    ]


def test_a_text_with_too_many_words_is_answered_by_its_beginning_and_says_so(
    gateway: httpx.Client,
) -> None:
    answer = gateway.post("/v1/predict/words", json={"text": "snow " + "and " * 15 + "bread " * 9})

    assert answer.json()["predictions"][0]["label"] == "weather"
    assert abs(answer.json()["predictions"][0]["score"] - ONE_VOTE) < SHORT
    assert answer.json()["truncated"] is True


def test_each_alias_takes_what_its_task_says(gateway: httpx.Client) -> None:
    text_for_images = gateway.post("/v1/predict/digits", json={"text": "seven"})
    image_for_texts = gateway.post("/v1/predict/words", content=b"\xff\xd8\xff")

    for answer in (text_for_images, image_for_texts):
        assert answer.status_code == 415
        assert answer.json()["error"]["code"] == "unsupported_media_type"


def test_bytes_that_are_not_utf8_fail_alone_for_a_direct_client_too(stack: LocalStack) -> None:
    with TritonConnection(stack.triton["grpc"]) as triton:
        bad, good = triton.classify(
            "words_r1", Task.TEXT_CLASSIFICATION, [b"\xff\xfe rain", "køter, rain".encode()], 10
        )

    assert (bad.status, bad.labels) == (Status.UNDECODABLE, ())
    assert (good.status, good.labels[0]) == (Status.OK, "weather")
