"""Clients that nobody here wrote, unmodified but for a header, against the whole real stack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import tritonclient.http as sync_client
import tritonclient.http.aio as async_client
from tritonclient.utils import InferenceServerException

from benchmarks.local_stack import LocalStack
from python_backends.shared.contract import Status
from tests import pictures

IMAGE_MODEL, TEXT_MODEL = "digits", "words"
MODELS = [IMAGE_MODEL, TEXT_MODEL]


def address(stack: LocalStack) -> str:
    return urlsplit(stack.gateway_url).netloc


@pytest.fixture
def key(stack: LocalStack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.admin_key}"}


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Any]:
    with sync_client.InferenceServerClient(address(stack), network_timeout=20) as opened:
        yield opened


@pytest.fixture
async def aio(stack: LocalStack) -> AsyncIterator[Any]:
    async with async_client.InferenceServerClient(address(stack)) as opened:
        yield opened


def question(model: str, items: list[Any], *, is_binary: bool = True) -> Any:
    """An InferInput about these images or texts."""
    tensor = sync_client.InferInput(
        "IMAGE" if model == IMAGE_MODEL else "TEXT", [len(items), 1], "BYTES"
    )
    content = np.array(items, dtype=np.object_).reshape(-1, 1)
    tensor.set_data_from_numpy(content, binary_data=is_binary)
    return tensor


def examples(model: str) -> tuple[list[Any], list[bytes], list[int]]:
    """Two items, the second of them refused; best labels; states."""
    if model == IMAGE_MODEL:
        return (
            [pictures.seven_jpeg(), b"no image"],
            [b"7", b""],
            [Status.OK, Status.UNDECODABLE],
        )
    return [b"It may rain", b""], [b"weather", b""], [Status.OK, Status.UNDECODABLE]


def check(result: Any, model: str) -> None:
    _, labels, states = examples(model)
    assert [row[0] for row in result.as_numpy("LABEL")] == labels
    assert result.as_numpy("STATUS").ravel().tolist() == states
    scores = result.as_numpy("SCORE")
    assert scores.dtype == np.float32
    assert 0.5 < scores[0][0] <= 1
    assert scores[1].tolist() == [0.0] * scores.shape[1]


@pytest.mark.parametrize("model", MODELS)
def test_the_sync_client_learns_what_there_is(model: str, client: Any, key: dict[str, str]) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(model, headers=key)
    assert client.is_model_ready(model, "1", headers=key)
    assert not client.is_model_ready(model, "2", headers=key)
    assert not client.is_model_ready("nowhere", headers=key)
    assert "binary_tensor_data" in client.get_server_metadata(headers=key)["extensions"]
    metadata = client.get_model_metadata(model, headers=key)
    config = client.get_model_config(model, "1", headers=key)
    assert metadata["inputs"][0]["name"] == config["input"][0]["name"]
    assert config["max_batch_size"] == 32
    counted = client.get_inference_statistics(model, headers=key)["model_stats"][0]
    assert counted["inference_stats"]["success"]["count"] > 0


def test_the_tensors_told_are_those_of_tritons_own_metadata(
    stack: LocalStack, client: Any, key: dict[str, str]
) -> None:
    with sync_client.InferenceServerClient(urlsplit(stack.triton["http"]).netloc) as direct:
        for model in ("digits_r1", "words_r1"):
            ours = client.get_model_metadata(model, headers=key)
            for tensor in ours["inputs"]:
                del tensor["parameters"]  # what its JSON strings hold, which Triton cannot say
            assert ours == direct.get_model_metadata(model)
            mine = client.get_model_config(model, headers=key)
            full = direct.get_model_config(model)
            assert mine["max_batch_size"] == full["max_batch_size"]
            for side in ("input", "output"):
                told = [
                    {name: it[name] for name in ("name", "data_type", "dims")} for it in full[side]
                ]
                assert mine[side] == told
            theirs = direct.get_inference_statistics(model)["model_stats"][0]
            counted = client.get_inference_statistics(model, headers=key)["model_stats"][0]
            assert counted.keys() == theirs.keys()
            assert counted["inference_stats"].keys() == theirs["inference_stats"].keys()


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("model", MODELS)
def test_the_sync_client_infers(
    model: str, compression: str | None, client: Any, key: dict[str, str]
) -> None:
    items = examples(model)[0]
    how = {
        "headers": key,
        "request_compression_algorithm": compression,
        "response_compression_algorithm": compression,
    }
    result = client.infer(model, [question(model, items)], request_id="7", **how)
    check(result, model)
    assert result.get_response()["id"] == "7"
    wanted = [
        sync_client.InferRequestedOutput(name, binary_data=name == "SCORE")
        for name in ("STATUS", "LABEL", "SCORE")
    ]
    result = client.infer(model, [question(model, items)], outputs=wanted, **how)
    assert result.as_numpy("STATUS").ravel().tolist() == examples(model)[2]
    assert result.get_output("LABEL")["data"][0].encode() == examples(model)[1][0]


def test_a_large_answer_comes_compressed(client: Any, key: dict[str, str]) -> None:
    items = [pictures.seven_jpeg()] * 32
    wanted = [sync_client.InferRequestedOutput("LABEL", binary_data=False)]
    for compression in ("gzip", "deflate"):
        result = client.infer(
            IMAGE_MODEL,
            [question(IMAGE_MODEL, items)],
            outputs=wanted,
            headers=key,
            response_compression_algorithm=compression,
        )
        assert [row[0] for row in result.as_numpy("LABEL")] == ["7"] * 32


def test_the_sync_client_infers_without_waiting(client: Any, key: dict[str, str]) -> None:
    for model in MODELS:
        inputs = [question(model, examples(model)[0])]
        waiting = [client.async_infer(model, inputs, headers=dict(key)) for _ in range(4)]
        for request in waiting:
            check(request.get_result(), model)


def test_literal_json_is_for_texts_and_base64_for_images(client: Any, key: dict[str, str]) -> None:
    texts = question(TEXT_MODEL, ["It may rain", ""], is_binary=False)
    check(client.infer(TEXT_MODEL, [texts], headers=key), TEXT_MODEL)
    images = question(IMAGE_MODEL, ["no base64!"], is_binary=False)
    with pytest.raises(InferenceServerException, match="base64") as refusal:
        client.infer(IMAGE_MODEL, [images], headers=key)
    assert refusal.value.status() == "400"


def test_a_request_without_a_key_is_told_so(client: Any) -> None:
    with pytest.raises(InferenceServerException, match="send an API key") as refusal:
        client.infer(TEXT_MODEL, [question(TEXT_MODEL, ["It may rain"])])
    assert refusal.value.status() == "401"


@pytest.mark.parametrize("model", MODELS)
async def test_the_async_client_learns_and_infers(
    model: str, aio: Any, key: dict[str, str]
) -> None:
    assert await aio.is_server_live()
    assert await aio.is_server_ready()
    assert await aio.is_model_ready(model, headers=key)
    assert (await aio.get_server_metadata(headers=key))["name"] == "triptych"
    assert (await aio.get_model_metadata(model, headers=key))["name"] == model
    assert (await aio.get_model_config(model, headers=key))["max_batch_size"] == 32
    statistics = await aio.get_inference_statistics(model, headers=key)
    assert statistics["model_stats"][0]["name"] == model
    for compression in (None, "gzip", "deflate"):
        result = await aio.infer(
            model,
            [question(model, examples(model)[0])],
            headers=dict(key),
            request_compression_algorithm=compression,
            response_compression_algorithm=compression,
        )
        check(result, model)
