"""What belongs together reaches every step together: Triton's own counts say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import grpc
import httpx
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.local_stack import LocalStack
from tests import pictures
from tests.unit.triptych.waiting import wait_until
from triptych.client import DirectClient, Prediction

BATCH = 32  # what digits_r1 takes at once
REQUESTS = 3  # of each client
STEPS = ("preprocess", "model", "postprocess")
Ask = Callable[[], list[str]]


@cache
def crops() -> list[bytes]:
    """As many small pictures of a seven, all of them different."""
    return [pictures.encoded(pictures.seven().resize((48 + n, 48))) for n in range(BATCH)]


def answered(stack: LocalStack) -> tuple[int, int]:
    """How many requests the ensemble has answered so far, and how many items were in them."""
    with grpc.insecure_channel(stack.triton["grpc"]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        asked = service_pb2.ModelStatisticsRequest(name="digits_r1")
        stats = stub.ModelStatistics(asked, timeout=10).model_stats[0]
    return stats.inference_stats.success.count, stats.inference_count


def executed(stack: LocalStack) -> dict[str, Counter[int]]:
    """By step: how many batches of each size it has worked through so far."""
    with grpc.insecure_channel(stack.triton["grpc"]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        told = {
            step: stub.ModelStatistics(
                service_pb2.ModelStatisticsRequest(name=f"digits_r1_{step}"), timeout=10
            ).model_stats[0]
            for step in STEPS
        }
    return {
        step: Counter({it.batch_size: it.compute_infer.count for it in stats.batch_stats})
        for step, stats in told.items()
    }


def ran_since(stack: LocalStack, before: dict[str, Counter[int]]) -> dict[str, Counter[int]]:
    after = executed(stack)
    return {step: after[step] - before[step] for step in STEPS}


def total(ran: Counter[int]) -> int:
    return sum(size * count for size, count in ran.items())


@pytest.fixture(params=["direct", "gateway"])
def ask(request: pytest.FixtureRequest, stack: LocalStack, gateway: httpx.Client) -> Iterator[Ask]:
    """Sends all crops in one request, and gives their labels; safe to call from many threads."""
    if request.param == "gateway":
        files = [("file", (f"{n}.jpg", crop, "image/jpeg")) for n, crop in enumerate(crops())]

        def through_gateway() -> list[str]:
            results = gateway.post("/v1/predict/digits", files=files).json()["results"]
            return [result["predictions"][0]["label"] for result in results]

        yield through_gateway
        return
    addresses = [stack.triton["grpc"]]
    with DirectClient(stack.gateway_url, stack.admin_key, addresses, "digits") as client:

        def straight_to_triton() -> list[str]:
            found = [it for it in client.classify(crops()) if isinstance(it, Prediction)]
            return [it.label for it in found]

        yield straight_to_triton


@pytest.mark.parametrize("clients", [1, 4])
def test_a_batch_of_32_crops_reaches_every_step_in_one_piece(
    stack: LocalStack, ask: Ask, clients: int
) -> None:
    before = executed(stack)

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda _: ask(), range(clients * REQUESTS)))

    assert answers == [["7"] * BATCH] * (clients * REQUESTS)
    items = clients * REQUESTS * BATCH
    # Triton may count a request a moment after it has answered it.
    wait_until(lambda: all(total(it) >= items for it in ran_since(stack, before).values()))
    for step, ran in ran_since(stack, before).items():
        assert ran[BATCH] == clients * REQUESTS, (step, ran)
        # Whatever else ran meanwhile are canaries, one image at a time.
        assert sum(size * count for size, count in ran.items() if size < BATCH) < BATCH, (step, ran)


def test_callers_who_come_while_triton_is_busy_share_its_requests(
    stack: LocalStack, gateway: httpx.Client
) -> None:
    callers, each = 16, 8
    as_jpeg = {"Content-Type": "image/jpeg"}
    before_requests, before_items = answered(stack)

    def ask(_: int) -> str:
        answer = gateway.post("/v1/predict/digits", content=crops()[0], headers=as_jpeg)
        return str(answer.raise_for_status().json()["predictions"][0]["label"])

    with ThreadPoolExecutor(callers) as pool:
        labels = list(pool.map(ask, range(callers * each)))

    assert labels == ["7"] * (callers * each)
    requests, items = answered(stack)
    assert items - before_items >= callers * each
    assert requests - before_requests < (items - before_items) * 0.8
