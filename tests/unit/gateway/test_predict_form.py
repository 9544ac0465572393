"""POST /v1/predict/{alias} with a form of several files."""

from __future__ import annotations

from python_backends.shared.contract import Status
from tests.fakes.fake_triton import FakeTriton, ranked, refused
from tests.unit.gateway.running_gateway import Gateway, StartGateway


async def test_a_form_with_one_file_is_answered_with_one_result(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7", "1")
    answer = await gateway.client.post(
        "/v1/predict/digits?top_k=1", files={"file": ("seven.png", b"seven")}, headers=gateway.ui
    )
    assert answer.status_code == 200
    body = answer.json()
    timing = body.pop("timing")
    del body["route"], body["provenance"]  # test_provenance.py looks at them
    assert body == {
        "request_id": answer.headers["X-Request-Id"],
        "alias": "digits",
        "release": "digits_r1",
        "results": [{"filename": "seven.png", "predictions": [{"label": "7", "score": 0.5}]}],
    }
    assert timing["triton_ms"] <= timing["total_ms"]


async def test_one_bad_file_does_not_fail_its_seven_neighbours(
    triton: FakeTriton, gateway: Gateway
) -> None:
    names = [f"{digit}.png" for digit in "01234567"]
    for name in names:
        triton.answers[name.encode()] = ranked(name[0])
    triton.answers[b"3.png"] = refused(Status.UNDECODABLE)
    answer = await gateway.client.post(
        "/v1/predict/digits?top_k=1",
        files=[("file", (name, name.encode())) for name in names],
        headers=gateway.ui,
    )
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["filename"] for result in results] == names
    assert results.pop(3)["error"]["code"] == "undecodable_image"
    assert [result["predictions"][0]["label"] for result in results] == list("0124567")
    assert len(triton.asked) == 1  # one batch


async def test_an_entry_has_predictions_or_an_error_and_no_null(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    answer = await gateway.client.post(
        "/v1/predict/digits",
        files=[("file", ("good", b"seven")), ("file", ("bad", b"noise"))],
        headers=gateway.ui,
    )
    good, bad = answer.json()["results"]
    assert good.keys() == {"filename", "predictions"}
    assert bad.keys() == {"filename", "error"}
    assert "null" not in answer.text


async def test_each_reason_for_a_refusal_has_its_code_in_the_entry(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    triton.answers |= {
        b"noise": refused(Status.UNDECODABLE),
        b"poster": refused(Status.TOO_LARGE),
        b"gif": refused(Status.UNSUPPORTED_FORMAT),
        b"half": ranked("7", status=Status.TRUNCATED),
    }
    gateway = await start_gateway(max_image_bytes=10)
    files = [b"noise", b"poster", b"gif", b"", b"eleven byte", b"half"]
    answer = await gateway.client.post(
        "/v1/predict/digits", files=[("file", ("x", file)) for file in files], headers=gateway.ui
    )
    assert answer.status_code == 200
    *refusals, last = answer.json()["results"]
    assert [entry["error"]["code"] for entry in refusals] == [
        "undecodable_image",
        "image_too_large",
        "unsupported_image_format",
        "empty_body",
        "payload_too_large",
    ]
    assert last["predictions"][0]["label"] == "7"
    assert triton.images() == [b"noise", b"poster", b"gif", b"half"]


async def test_triton_is_not_asked_where_no_file_is_left_to_ask_about(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_image_bytes=4)
    answer = await gateway.client.post(
        "/v1/predict/digits",
        files=[("file", ("empty", b"")), ("file", ("long", b"seven"))],
        headers=gateway.ui,
    )
    assert answer.status_code == 200
    codes = [entry["error"]["code"] for entry in answer.json()["results"]]
    assert codes == ["empty_body", "payload_too_large"]
    assert answer.json()["timing"]["triton_ms"] == 0
    assert triton.asked == []


async def test_more_files_than_a_batch_holds_are_sent_as_several_and_answered_in_order(
    triton: FakeTriton, gateway: Gateway
) -> None:
    names = [f"{place}" for place in range(19)]
    triton.answers |= {name.encode(): ranked(name) for name in names if name != "11"}
    answer = await gateway.client.post(
        "/v1/predict/digits",
        files=[("file", (name, name.encode())) for name in names],
        headers=gateway.ui,
    )
    results = answer.json()["results"]
    assert results.pop(11)["error"]["code"] == "undecodable_image"
    assert [entry["predictions"][0]["label"] for entry in results] == names[:11] + names[12:]
    assert sorted(request.inputs[0].shape[0] for request in triton.asked) == [3, 8, 8]


async def test_as_many_files_as_a_request_may_bring_are_taken_and_not_one_more(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_items=8)
    triton.answers[b"seven"] = ranked("7")
    for count, status in [(8, 200), (9, 400), (10, 400), (30, 400)]:
        answer = await gateway.client.post(
            "/v1/predict/digits",
            files=[("file", (f"{i}", b"seven")) for i in range(count)],
            headers=gateway.ui,
        )
        assert answer.status_code == status, count
        if status == 400:
            assert answer.json()["error"]["code"] == "too_many_files"
            assert "8" in answer.json()["error"]["message"]
    assert len(triton.asked) == 1


async def test_fields_beside_the_files_are_ignored_and_file_fields_may_have_any_name(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.answers[b"seven"] = ranked("7")
    answer = await gateway.client.post(
        "/v1/predict/digits",
        data={"comment": "from the attic", "top_k": "0"},
        files=[("file", ("a", b"seven")), ("picture", ("b", b"seven"))],
        headers=gateway.ui,
    )
    assert answer.status_code == 200
    assert [entry["filename"] for entry in answer.json()["results"]] == ["a", "b"]


async def test_a_file_name_is_given_back_as_it_came(triton: FakeTriton, gateway: Gateway) -> None:
    triton.answers[b"seven"] = ranked("7")
    names = ["Zürich ☃.png", "../../etc/passwd", "a\tb", ""]
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\nseven\r\n'
        for name in names
    ]
    answer = await gateway.client.post(
        "/v1/predict/digits",
        content=("".join(parts) + "--x--\r\n").encode(),
        headers={**gateway.ui, "Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 200
    assert [entry["filename"] for entry in answer.json()["results"]] == names


async def test_a_form_above_the_limit_of_the_whole_body_is_refused(
    triton: FakeTriton, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(max_body_bytes=1000)
    answer = await gateway.client.post(
        "/v1/predict/digits", files={"file": ("big", b"x" * 1000)}, headers=gateway.ui
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"
    assert triton.asked == []
