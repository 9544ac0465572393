"""What Triton's answers mean to a caller: typed results, or the error that fits a gRPC code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc

from python_backends.shared.contract import ItemAnswer, Status
from python_backends.shared.errors import ContractBroken
from triptych.client.answers import REFUSALS, ItemResult, Prediction, RefusedItem, Timing
from triptych.client.errors import ServerFailed, TimedOut, TriptychClientError, Unavailable
from triptych.client.grouping import Batch
from triptych.client.triton_wire import read_answers

# It was not taken: by a full queue, a server that ends, or one without that release.
NOT_TAKEN: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND})


def read_results(
    response: Any,  # noqa: ANN401 - protobuf has no types
    batch: Batch,
    *,
    request_id: str,
    timing: Timing,
    top_k: int,
) -> list[ItemResult]:
    """Read the answer to a batch.

    Args:
        response: A ModelInferResponse.
        batch: What was asked.
        request_id: Of the request, as Triton's log has it.
        timing: How long it took.
        top_k: How many classes of each item are told.

    Returns:
        One result for each item, in order.

    Raises:
        ServerFailed: the answer does not fit the contract.
    """
    shared = {
        "request_id": request_id,
        "alias": batch.known.route.alias,
        "release": batch.arm.release,
        "arm": batch.arm.label,
        "revision": batch.known.route.revision,
        "timing": timing,
    }
    try:
        answers = read_answers(response, items=len(batch.items))
        return [_result(batch, answer, shared, top_k) for answer in answers]
    except (ContractBroken, KeyError) as exc:
        raise ServerFailed(
            f"{batch.arm.release} answered against the contract: {exc}",
            code="contract_mismatch",
            request_id=request_id,
        ) from exc


def _result(batch: Batch, answer: ItemAnswer, shared: Mapping[str, Any], top_k: int) -> ItemResult:
    if not answer.status.is_answered:
        code, message = REFUSALS[batch.known.task, answer.status]
        return RefusedItem(**shared, code=code, message=message)
    return Prediction(
        **shared,
        labels=answer.labels[:top_k],
        scores=answer.scores[:top_k],
        is_truncated=answer.status is Status.TRUNCATED,
    )


def failure(
    release: str, request_id: str, exc: grpc.RpcError, *, is_late: bool
) -> TriptychClientError:
    """Say what a failed call is raised as.

    Args:
        release: Who was asked.
        request_id: Of the request.
        exc: What gRPC said.
        is_late: Whether the time was up; Triton drops what queued for too long as UNAVAILABLE.
    """
    code = exc.code()
    told = f"{release}: {code.name}: {exc.details()}"
    if is_late or code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut(told, code="inference_timeout", request_id=request_id)
    if code in NOT_TAKEN:
        return Unavailable(told, code="inference_unavailable", request_id=request_id)
    is_ours = code is grpc.StatusCode.INVALID_ARGUMENT
    which = "contract_mismatch" if is_ours else "inference_failed"
    return ServerFailed(told, code=which, request_id=request_id)
