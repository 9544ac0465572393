"""/openapi.json and /docs: true, complete, and without a foreign host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gateway.control_plane.key_schemas import NewKey
from gateway.data_plane.json_texts import parse_texts
from gateway.data_plane.open_inference.infer_request import Accepted
from gateway.data_plane.open_inference.request_parts import parse_infer_request
from gateway.error_responses import HTTP_STATUS
from gateway.openapi_errors import MESSAGES, USUAL
from gateway.schemas import ErrorBody
from python_backends.shared.contract import Task
from tests.unit.gateway.running_gateway import Gateway, StartGateway

_STATUS = {error.code: status for error, status in HTTP_STATUS.items()}


def test_the_example_of_each_status_has_a_code_of_that_status() -> None:
    assert MESSAGES.keys() <= _STATUS.keys()
    for status, code in USUAL.items():
        assert _STATUS[code] == (400 if status == "4XX" else status)


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


async def test_every_reference_in_the_description_leads_somewhere(
    gateway: Gateway,
) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    references = set(_references(document))
    assert references
    for reference in references:
        assert reference.startswith("#/components/schemas/")
        assert reference.rpartition("/")[2] in document["components"]["schemas"]


async def test_predict_is_described_with_its_bodies_and_its_errors(
    gateway: Gateway,
) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    predict = document["paths"]["/v1/predict/{alias}"]["post"]
    content = predict["requestBody"]["content"]
    binary = {"type": "string", "format": "binary"}
    for media_type in ("image/jpeg", "image/png", "image/webp", "application/octet-stream"):
        assert content[media_type]["schema"] == binary
    file = content["multipart/form-data"]["schema"]["properties"]["file"]
    assert file == {"type": "array", "items": binary}
    one, several = content["application/json"]["schema"]["oneOf"]
    assert one["properties"] == {"text": {"type": "string"}}
    assert several["properties"]["texts"]["items"] == {"type": "string"}
    for example in content["application/json"]["examples"].values():
        parse_texts(json.dumps(example["value"]).encode(), max_texts=8)
    statuses = {"200", "400", "401", "403", "404", "408", "413", "415", "422", "502", "503", "504"}
    assert statuses <= predict["responses"].keys()


async def test_keys_open_what_needs_one_in_either_of_two_ways(
    gateway: Gateway,
) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    schemes = document["components"]["securitySchemes"]
    assert {
        (scheme["type"], scheme.get("scheme", scheme.get("name"))) for scheme in schemes.values()
    } == {
        ("http", "bearer"),
        ("apiKey", "X-API-Key"),
    }
    for path, ways in document["paths"].items():
        for operation in ways.values():
            wanted: list[dict[str, list[str]]]
            is_open = path in {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"}
            wanted = [] if is_open else [{name: []} for name in schemes]
            assert operation.get("security", []) == wanted, path


async def test_the_body_of_a_new_key_is_described_though_it_is_read_late(
    gateway: Gateway,
) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    body = document["paths"]["/v1/admin/keys"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert schema["required"] == ["name"]
    assert schema["properties"].keys() == NewKey.model_fields.keys()
    assert schema["properties"]["requests_per_minute"]["anyOf"][0]["minimum"] == 1


async def test_errors_are_described_as_they_are_sent(gateway: Gateway) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, ways in document["paths"].items():
        for operation in ways.values():
            refused = [status for status in operation["responses"] if status.startswith("4")]
            assert refused == ["4XX"] or "4XX" not in refused
            for status in refused:
                content = operation["responses"][status]["content"]["application/json"]
                if path.startswith("/v2"):
                    assert content["schema"]["properties"] == {"error": {"type": "string"}}
                else:
                    assert content["schema"] == {"$ref": "#/components/schemas/ErrorBody"}
                    assert _STATUS[ErrorBody.model_validate(content["example"]).error.code] == int(
                        status.replace("XX", "00")
                    )


async def test_the_example_of_infer_is_a_request(gateway: Gateway) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    infer = document["paths"]["/v2/models/{model}/infer"]["post"]
    examples = infer["requestBody"]["content"]["application/json"]["examples"]
    assert list(examples) == ["image", "text"]
    image = json.dumps(examples["image"]["value"]).encode()
    parsed = parse_infer_request(image, None, Accepted(Task.IMAGE_CLASSIFICATION, 1))
    assert parsed.items[0].startswith(b"\x89PNG")


async def test_the_documentation_page_needs_no_foreign_host(gateway: Gateway) -> None:
    page = (await gateway.client.get("/docs")).text
    assert not re.search(r"https?:|[\"']//", page)
    assets = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(assets) == 3
    for asset in [*assets, "/openapi.json"]:
        answer = await gateway.client.get(asset)
        assert answer.status_code == 200, asset


async def test_documentation_can_be_left_out(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(docs_enabled=False)
    for path in ("/docs", "/redoc", "/openapi.json", "/static-offline-docs/swagger-ui.css"):
        answer = await gateway.client.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["error"]["code"] == "not_found"
    assert (await gateway.client.get("/readyz")).status_code == 200
