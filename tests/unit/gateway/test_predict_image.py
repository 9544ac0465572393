"""POST /v1/predict/{alias} with one image as the raw body."""

from __future__ import annotations

import pytest

from python_backends.shared.contract import Status
from tests.fakes.fake_supervisor import FakeSupervisor, Mood, a_release
from tests.fakes.fake_triton import FakeTriton, ranked, refused
from tests.unit.gateway.running_gateway import Gateway, StartGateway


async def test_an_image_is_answered_with_labels_highest_first(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7", "1", "9")
    for content_type in ("image/jpeg", "image/png", "image/webp", "application/octet-stream"):
        answer = await gateway.client.post(
            "/v1/predict/digits?top_k=2",
            content=b"seven",
            headers={**gateway.ui, "Content-Type": content_type},
        )
        assert answer.status_code == 200, content_type
        body = answer.json()
        timing = body.pop("timing")
        del body["route"], body["provenance"]  # test_provenance.py looks at them
        assert body == {
            "request_id": answer.headers["X-Request-Id"],
            "alias": "digits",
            "release": "digits_r1",
            "predictions": [{"label": "7", "score": 0.5}, {"label": "1", "score": 0.25}],
        }
        assert 0 < timing["triton_ms"] <= timing["total_ms"] < 5000


async def test_a_body_without_content_type_is_taken_as_an_image(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert "Content-Type" not in answer.request.headers
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["label"] == "7"


async def test_parameters_and_case_of_the_content_type_do_not_matter(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    answer = await gateway.client.post(
        "/v1/predict/digits",
        content=b"seven",
        headers={**gateway.ui, "Content-Type": "IMAGE/JPEG ; charset=utf-8"},
    )
    assert answer.status_code == 200


async def test_the_default_content_type_of_curl_is_refused_and_the_answer_says_what_to_send(
    triton: FakeTriton, gateway: Gateway
) -> None:
    answer = await gateway.client.post(
        "/v1/predict/digits",
        content=b"seven",
        headers={**gateway.ui, "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 415
    assert "Connection" not in answer.headers
    error = answer.json()["error"]
    assert error["code"] == "unsupported_media_type"
    assert "application/x-www-form-urlencoded" in error["message"]
    assert "image/jpeg" in error["message"]
    assert "multipart/form-data" in error["message"]
    assert triton.asked == []


async def test_triton_gets_the_bytes_untouched_under_the_name_of_the_release(
    triton: FakeTriton, gateway: Gateway
) -> None:
    image = bytes(range(256)) * 400
    triton.answers[image] = ranked("7")
    answer = await gateway.client.post("/v1/predict/digits", content=image, headers=gateway.ui)
    assert answer.status_code == 200
    (request,) = triton.asked
    assert request.model_name == "digits_r1"
    assert request.id == answer.headers["X-Request-Id"]
    assert [(x.name, x.datatype, list(x.shape)) for x in request.inputs] == [
        ("IMAGE", "BYTES", [1, 1])
    ]
    assert list(request.raw_input_contents) == [len(image).to_bytes(4, "little") + image]
    assert request.parameters["timeout"].int64_param > 0
    assert set(request.parameters) == {"timeout"}


async def test_an_image_that_was_only_read_in_part_is_answered(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7", status=Status.TRUNCATED)
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert answer.status_code == 200
    assert answer.json()["predictions"][0] == {"label": "7", "score": 0.5}
    assert answer.json()["truncated"] is True


async def test_an_image_that_the_pipeline_refuses_is_the_status_of_the_call(
    triton: FakeTriton, gateway: Gateway
) -> None:
    for state, status, code in [
        (Status.UNDECODABLE, 422, "undecodable_image"),
        (Status.TOO_LARGE, 422, "image_too_large"),
        (Status.UNSUPPORTED_FORMAT, 415, "unsupported_image_format"),
    ]:
        triton.answers[b"bad"] = refused(state)
        answer = await gateway.client.post("/v1/predict/digits", content=b"bad", headers=gateway.ui)
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == code
        assert "Connection" not in answer.headers  # the body was read: the connection is good


async def test_an_empty_body_is_refused_without_asking_triton(
    triton: FakeTriton, gateway: Gateway
) -> None:
    answer = await gateway.client.post("/v1/predict/digits", content=b"", headers=gateway.ui)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "empty_body"
    assert triton.asked == []


@pytest.mark.parametrize(("k", "labels"), [(10, 5), (3, 3)])
async def test_without_top_k_five_labels_come_or_as_many_as_the_release_has(
    triton: FakeTriton,
    supervisor: FakeSupervisor,
    start_gateway: StartGateway,
    k: int,
    labels: int,
) -> None:
    supervisor.releases = [a_release("digits", 1, top_k=k)]
    triton.width = k
    triton.answers[b"seven"] = ranked(*"7192345680"[:k])
    gateway = await start_gateway()
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert [x["label"] for x in answer.json()["predictions"]] == list("71923"[:labels])


async def test_top_k_may_be_one_up_to_the_number_of_the_release_and_nothing_else(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked(*"7192345680")
    for good in (1, 10):
        answer = await gateway.client.post(
            f"/v1/predict/digits?top_k={good}", content=b"seven", headers=gateway.ui
        )
        assert len(answer.json()["predictions"]) == good
    for bad in ("0", "-1", "11", "five", "", "1.5", "9" * 5000):
        answer = await gateway.client.post(
            f"/v1/predict/digits?top_k={bad}", content=b"seven", headers=gateway.ui
        )
        assert answer.status_code == 400, bad
        assert answer.json()["error"]["code"] == "invalid_parameter"
        assert "top_k" in answer.json()["error"]["message"]
    assert len(triton.asked) == 2


async def test_an_alias_that_nobody_routes_is_not_found(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases.append(a_release("flowers", 1, promotable=False))
    gateway = await start_gateway()
    for alias in ("letters", "flowers", "digits_r2", "digits_r1_preprocess", "DIGITS"):
        answer = await gateway.client.post(
            f"/v1/predict/{alias}", content=b"seven", headers=gateway.admin
        )
        assert answer.status_code == 404, alias
        assert answer.json()["error"]["code"] == "unknown_alias"
    assert triton.asked == []


async def test_a_live_release_is_asked_by_its_name_with_the_scope_admin_or_where_the_key_names_it(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    supervisor.releases.append(a_release("digits", 2))
    gateway = await start_gateway()
    made = await gateway.client.post(
        "/v1/admin/keys",
        json={"name": "tester", "scopes": ["predict"], "allowed": ["digits_r2"]},
        headers=gateway.admin,
    )
    named = {"X-API-Key": made.json()["key"]}
    for name, key, status in [
        ("digits_r2", gateway.admin, 200),
        ("digits_r2", named, 200),
        ("digits_r2", gateway.ui, 403),
        ("digits_r1", named, 403),
        ("digits", named, 403),
    ]:
        answer = await gateway.client.post(f"/v1/predict/{name}", content=b"seven", headers=key)
        assert answer.status_code == status, name
        if status == 200:
            assert (answer.json()["alias"], answer.json()["release"]) == (name, name)
    assert {request.model_name for request in triton.asked} == {"digits_r2"}


async def test_before_the_supervisor_has_spoken_an_alias_is_unavailable_and_not_unknown(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.mood = Mood.SILENT
    gateway = await start_gateway()
    answer = await gateway.client.post("/v1/predict/digits", content=b"seven", headers=gateway.ui)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["error"]["code"] == "inference_unavailable"


async def test_a_compressed_body_is_refused_by_its_header(
    triton: FakeTriton, gateway: Gateway
) -> None:
    for coding, status in [("gzip", 415), ("br", 415), ("identity", 200)]:
        triton.answers[b"seven"] = ranked("7")
        answer = await gateway.client.post(
            "/v1/predict/digits",
            content=b"seven",
            headers={**gateway.ui, "Content-Encoding": coding},
        )
        assert answer.status_code == status
    assert len(triton.asked) == 1
