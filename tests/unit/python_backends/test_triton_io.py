from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from python_backends.shared import triton_io
from python_backends.shared.contract import TensorSpec
from tests.fakes.fake_pb_utils import LogLine, TritonError
from tests.unit.python_backends.loading import output, request

VALUE = TensorSpec("VALUE", "FP32", (2,))
WEIGHT = TensorSpec("WEIGHT", "FP32", (1,))
SUM = TensorSpec("SUM", "FP32", (2,))
SIGN = TensorSpec("SIGN", "UINT8", (1,))


def rows(*values: float) -> NDArray[np.float32]:
    return np.array([[value, value] for value in values], np.float32)


def weigh(value: NDArray[Any], weight: NDArray[Any]) -> list[NDArray[Any]]:
    return [value * weight, (weight > 0).astype(np.uint8)]


def test_requests_of_different_sizes_run_as_one_batch_and_get_each_its_own_rows() -> None:
    batches: list[int] = []

    def counting(value: NDArray[Any], weight: NDArray[Any]) -> list[NDArray[Any]]:
        batches.append(len(value))
        return weigh(value, weight)

    responses = triton_io.answer_requests(
        [
            request(VALUE=rows(1, 2), WEIGHT=np.array([[1], [-1]], np.float32)),
            request(VALUE=rows(3), WEIGHT=np.array([[10]], np.float32)),
            request(VALUE=rows(4, 5, 6), WEIGHT=np.array([[0], [1], [2]], np.float32)),
        ],
        inputs=[VALUE, WEIGHT],
        outputs=[SUM, SIGN],
        step=counting,
    )

    assert batches == [6]
    assert [output(response, "SUM")[:, 0].tolist() for response in responses] == [
        [1, -2],
        [30],
        [0, 5, 12],
    ]
    assert [output(response, "SIGN")[:, 0].tolist() for response in responses] == [
        [1, 0],
        [1],
        [0, 1, 1],
    ]


def test_inputs_reach_the_step_in_the_order_asked_for_not_in_the_order_sent() -> None:
    (response,) = triton_io.answer_requests(
        [request(WEIGHT=np.array([[2]], np.float32), VALUE=rows(7))],
        inputs=[VALUE, WEIGHT],
        outputs=[SUM, SIGN],
        step=weigh,
    )

    assert output(response, "SUM").tolist() == [[14, 14]]


def test_a_request_without_an_input_is_refused_alone() -> None:
    weight = np.array([[1]], np.float32)
    good, bad, also_good = triton_io.answer_requests(
        [
            request(VALUE=rows(1), WEIGHT=weight),
            request(VALUE=rows(2)),
            request(VALUE=rows(3), WEIGHT=weight),
        ],
        inputs=[VALUE, WEIGHT],
        outputs=[SUM, SIGN],
        step=weigh,
    )

    assert bad.error().code() == TritonError.INVALID_ARG
    assert bad.error().message() == "the input WEIGHT is missing"
    assert bad.output_tensors() == []
    assert output(good, "SUM").tolist() == [[1, 1]]
    assert output(also_good, "SUM").tolist() == [[3, 3]]


@pytest.mark.parametrize("shape", [(2,), (1, 2, 1)])
def test_a_request_with_a_wrong_number_of_dimensions_is_refused_alone(
    shape: tuple[int, ...],
) -> None:
    bad, good = triton_io.answer_requests(
        [request(VALUE=np.zeros(shape, np.float32)), request(VALUE=rows(5))],
        inputs=[VALUE],
        outputs=[SUM],
        step=lambda value: [value],
    )

    assert bad.error().code() == TritonError.INVALID_ARG
    assert bad.error().message() == f"the input VALUE has {len(shape)} dimensions"
    assert output(good, "SUM").tolist() == [[5, 5]]


def test_the_step_is_not_run_when_every_request_was_refused() -> None:
    runs: list[tuple[NDArray[Any], ...]] = []

    def remembered(*arrays: NDArray[Any]) -> list[NDArray[Any]]:
        runs.append(arrays)
        return [np.zeros((0, 2), np.float32)]

    responses = triton_io.answer_requests(
        [request(), request()], inputs=[VALUE], outputs=[SUM], step=remembered
    )

    assert runs == []
    assert [response.error().code() for response in responses] == [TritonError.INVALID_ARG] * 2


def test_a_step_that_raises_answers_internal_without_details_and_logs_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: NDArray[Any]) -> list[NDArray[Any]]:
        raise RuntimeError("secret path /srv/models")

    responses = triton_io.answer_requests(
        [request(VALUE=rows(1, 2)), request(), request(VALUE=rows(3))],
        inputs=[VALUE],
        outputs=[SUM],
        step=broken,
    )

    codes = [response.error().code() for response in responses]
    assert codes == [TritonError.INTERNAL, TritonError.INVALID_ARG, TritonError.INTERNAL]
    assert responses[0].error().message() == "the step failed"
    (record,) = caplog.records
    assert record.getMessage() == "step failed images=3"
    assert record.exc_text is not None
    assert "secret path /srv/models" in record.exc_text


@pytest.mark.parametrize("answered", [0, 1, 3])
def test_a_step_that_answers_too_few_or_too_many_rows_fails_instead_of_answering_wrongly(
    answered: int,
) -> None:
    responses = triton_io.answer_requests(
        [request(VALUE=rows(1)), request(VALUE=rows(2))],
        inputs=[VALUE],
        outputs=[SUM],
        step=lambda _: [np.zeros((answered, 2), np.float32)],
    )

    assert [response.error().code() for response in responses] == [TritonError.INTERNAL] * 2


def test_a_step_that_leaves_an_output_out_fails_instead_of_answering_half() -> None:
    (response,) = triton_io.answer_requests(
        [request(VALUE=rows(1))],
        inputs=[VALUE],
        outputs=[SUM, SIGN],
        step=lambda value: [value],
    )

    assert response.error().code() == TritonError.INTERNAL


def test_no_requests_get_no_responses() -> None:
    assert triton_io.answer_requests([], inputs=[VALUE], outputs=[SUM], step=weigh) == []


def test_python_log_records_reach_tritons_log_at_the_nearest_level(
    triton_log: list[LogLine],
) -> None:
    handler = triton_io.TritonLogHandler()
    triton_io.logger.addHandler(handler)
    triton_io.logger.setLevel("DEBUG")
    try:
        triton_io.logger.debug("details")
        triton_io.logger.info("loaded %s", "digits_r1")
        triton_io.logger.warning("odd")
        triton_io.logger.critical("broken")
    finally:
        triton_io.logger.removeHandler(handler)
        triton_io.logger.setLevel("NOTSET")

    assert triton_log == [
        LogLine("info", "details"),
        LogLine("info", "loaded digits_r1"),
        LogLine("warn", "odd"),
        LogLine("error", "broken"),
    ]
