"""GET /v2...: what clients ask before they infer."""

from __future__ import annotations

import grpc
import pytest

from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, Mood, a_release
from tests.fakes.fake_triton import FakeTriton
from tests.unit.gateway.running_gateway import Gateway, StartGateway, until
from triptych.supervisor.status import ReleaseState

OF_MODELS = ("", "/ready", "/config", "/stats")


async def test_the_server_says_what_it_is(gateway: Gateway) -> None:
    answer = await gateway.client.get("/v2", headers=gateway.ui)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["name"] == "triptych"
    assert "binary_tensor_data" in answer.json()["extensions"]


async def test_health_needs_no_key(gateway: Gateway) -> None:
    live = await gateway.client.get("/v2/health/live")
    ready = await gateway.client.get("/v2/health/ready")
    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.json()) == (200, {"ready": True})


async def test_everything_else_needs_one(gateway: Gateway) -> None:
    paths = ["/v2", *(f"/v2/models/digits{rest}" for rest in OF_MODELS)]
    for path in [*paths, "/v2/models/digits/versions/1", "/v2/models/nowhere"]:
        for headers, code in [({}, "missing_api_key"), ({"X-API-Key": "x"}, "unknown_api_key")]:
            answer = await gateway.client.get(path, headers=headers)
            assert (answer.status_code, answer.headers["X-Error-Code"]) == (401, code)
            assert answer.json().keys() == {"error"}


async def test_who_is_not_ready_says_since_when(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.is_ready, supervisor.reason = False, "a stub died"
    gateway = await start_gateway()
    answer = await gateway.client.get("/v2/health/ready")
    assert answer.status_code == 503
    assert "a stub died" in answer.json()["error"]
    assert (await gateway.client.get("/v2/health/live")).status_code == 200


async def test_no_model_is_ready_when_nobody_vouches_for_it(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(status_interval_seconds=0.01, status_max_age_seconds=0.5)
    path = "/v2/models/digits/ready"

    async def is_ready() -> bool:
        return (await gateway.client.get(path, headers=gateway.ui)).status_code == 200

    await until(is_ready)  # what it knows is soon too old where there is much to do
    supervisor.mood = Mood.SILENT

    async def is_unready() -> bool:
        return (await gateway.client.get(path, headers=gateway.ui)).status_code == 503

    await until(is_unready)


async def test_a_model_is_ready_when_its_own_canary_is(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    loading = a_release("flowers", 1).moved_to(ReleaseState.LOADING)
    supervisor.releases = [a_release("digits", 1).moved_to(ReleaseState.READY), loading]
    supervisor.is_ready, supervisor.reason = False, "flowers_r1 is loading"
    gateway = await start_gateway()
    digits = await gateway.client.get("/v2/models/digits/ready", headers=gateway.ui)
    flowers = await gateway.client.get("/v2/models/flowers/ready", headers=gateway.ui)
    assert (digits.status_code, digits.json()) == (200, {"ready": True})
    assert (flowers.status_code, flowers.json()) == (503, {"error": "flowers_r1 is not ready"})


@pytest.mark.parametrize("rest", ["", "/versions/1"])
async def test_metadata_tells_the_tensors(rest: str, gateway: Gateway) -> None:
    answer = await gateway.client.get(f"/v2/models/digits{rest}", headers=gateway.ui)
    assert answer.json() == {
        "name": "digits",
        "versions": ["1"],
        "platform": "ensemble",
        "inputs": [
            {
                "name": "IMAGE",
                "datatype": "BYTES",
                "shape": [-1, 1],
                "parameters": {
                    "content": "one encoded image per element: JPEG, PNG or WebP",
                    "json_strings": "base64",
                },
            }
        ],
        "outputs": [
            {"name": "LABEL", "datatype": "BYTES", "shape": [-1, 10]},
            {"name": "SCORE", "datatype": "FP32", "shape": [-1, 10]},
            {"name": "STATUS", "datatype": "UINT8", "shape": [-1, 1]},
        ],
    }


async def test_metadata_says_that_texts_are_literal(
    supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases = [a_release("topics", 1, task=Task.TEXT_CLASSIFICATION)]
    gateway = await start_gateway()
    answer = await gateway.client.get("/v2/models/topics", headers=gateway.ui)
    (tensor,) = answer.json()["inputs"]
    assert (tensor["name"], tensor["parameters"]["json_strings"]) == ("TEXT", "literal")


async def test_the_configuration_is_short_and_has_no_steps(gateway: Gateway) -> None:
    answer = await gateway.client.get("/v2/models/digits/config", headers=gateway.ui)
    assert answer.json() == {
        "name": "digits",
        "max_batch_size": 8,
        "input": [{"name": "IMAGE", "data_type": "TYPE_STRING", "dims": [1]}],
        "output": [
            {"name": "LABEL", "data_type": "TYPE_STRING", "dims": [10]},
            {"name": "SCORE", "data_type": "TYPE_FP32", "dims": [10]},
            {"name": "STATUS", "data_type": "TYPE_UINT8", "dims": [1]},
        ],
    }


async def test_statistics_are_tritons_own_under_the_name_asked_for(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.inferences_counted = 5
    answer = await gateway.client.get("/v2/models/digits/stats", headers=gateway.ui)
    (counted,) = answer.json()["model_stats"]
    assert (counted["name"], counted["version"]) == ("digits", "1")
    assert counted["inference_count"] == 5
    assert counted["inference_stats"]["queue"] == {"count": 5, "ns": 500}
    assert counted["batch_stats"][0]["compute_infer"] == {"count": 5, "ns": 0}


async def test_statistics_of_a_triton_that_is_away_are_unavailable(
    triton: FakeTriton, gateway: Gateway
) -> None:
    triton.refusal = (grpc.StatusCode.UNAVAILABLE, "gone")
    answer = await gateway.client.get("/v2/models/digits/stats", headers=gateway.ui)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (503, "inference_unavailable")


async def test_a_name_that_is_no_alias_and_no_live_release_is_not_found(gateway: Gateway) -> None:
    names = ("letters", "digits_r2", "digits_r1_preprocess", "digits_r01", "..%2F..", "%00", "ü")
    for name in names:
        for rest in OF_MODELS:
            path = f"/v2/models/{name}{rest}"
            answer = await gateway.client.get(path, headers=gateway.admin)
            assert answer.status_code == 404, path
            assert answer.json().keys() == {"error"}


async def test_errors_of_the_framework_have_the_protocols_body_too(gateway: Gateway) -> None:
    for method, path, status, code in [
        ("GET", "/v2/nowhere", 404, "not_found"),
        ("POST", "/v2/repository/models/digits/load", 404, "not_found"),
        ("GET", "/v2/models/digits/infer", 405, "method_not_allowed"),
        ("DELETE", "/v2", 405, "method_not_allowed"),
    ]:
        answer = await gateway.client.request(method, path, headers=gateway.ui)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (status, code)
        assert answer.json().keys() == {"error"}
        assert len(answer.headers["X-Request-Id"]) == 32
    elsewhere = await gateway.client.get("/v2x", headers=gateway.ui)
    assert elsewhere.json()["error"]["code"] == "not_found"
    assert "X-Error-Code" not in elsewhere.headers
