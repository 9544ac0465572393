from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from python_backends.shared.contract import ItemAnswer, Status
from tests.fakes.fake_triton import ranked, refused, running_triton
from tests.unit.triptych.small_release import write_small_release
from triptych.client.triton import TritonConnection
from triptych.release import read_release
from triptych.routing import ReleaseName
from triptych.supervisor.canary import CanaryResult, replay_golden

ZERO = b"picture of zero"  # its golden answer is "0" with 0.5


def replay(
    tmp_path: Path, prepare: Callable[[Any], object], timeout_seconds: float = 5.0
) -> CanaryResult:
    write_small_release(tmp_path)
    release = read_release(tmp_path, ReleaseName("digits", 1))
    with running_triton() as triton, TritonConnection(triton.address) as connection:
        prepare(triton)
        result = replay_golden(
            connection, release, release.golden[0], timeout_seconds=timeout_seconds
        )
        assert {request.model_name for request in triton.asked} == {"digits_r1"}
    return result


def test_a_golden_answer_has_no_reason_and_a_duration(tmp_path: Path) -> None:
    result = replay(tmp_path, lambda triton: triton.answers.update({ZERO: ranked("0", "1")}))

    assert result.reason is None
    assert 0 < result.duration_ms < 5000


@pytest.mark.parametrize(("score", "is_right"), [(0.491, True), (0.509, True), (0.489, False)])
def test_a_score_may_differ_by_a_hundredth(tmp_path: Path, score: float, is_right: bool) -> None:
    answer = ItemAnswer(Status.OK, ("0",), (score,))

    result = replay(tmp_path, lambda triton: triton.answers.update({ZERO: answer}))

    assert (result.reason is None) is is_right


def test_a_wrong_label_is_told_with_both_answers(tmp_path: Path) -> None:
    result = replay(tmp_path, lambda triton: triton.answers.update({ZERO: ranked("8")}))

    assert result.reason == "zero.jpg got '8' with 0.5000, not '0' with 0.5000"


def test_a_refused_golden_input_is_told_with_its_status(tmp_path: Path) -> None:
    answer = refused(Status.TOO_LARGE)

    result = replay(tmp_path, lambda triton: triton.answers.update({ZERO: answer}))

    assert result.reason == "zero.jpg was refused: TOO_LARGE"


def test_an_error_of_triton_is_a_reason(tmp_path: Path) -> None:
    refusal = (grpc.StatusCode.INTERNAL, "Stub process is not healthy")

    result = replay(tmp_path, lambda triton: setattr(triton, "refusal", refusal))

    assert result.reason == "digits_r1: INTERNAL: Stub process is not healthy"


def test_a_hanging_triton_is_a_reason_after_the_deadline(tmp_path: Path) -> None:
    result = replay(tmp_path, lambda triton: triton.may_answer.clear(), timeout_seconds=0.05)

    assert result.reason is not None
    assert result.reason.startswith("digits_r1: DEADLINE_EXCEEDED")
    assert result.duration_ms >= 50


def test_an_answer_against_the_contract_is_a_reason(tmp_path: Path) -> None:
    def drop_the_scores(response: Any) -> None:
        del response.outputs[1]
        del response.raw_output_contents[1]

    result = replay(tmp_path, lambda triton: setattr(triton, "spoil", drop_the_scores))

    assert result.reason is not None
    assert result.reason.startswith("digits_r1 answered against the contract")


def test_a_golden_file_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    write_small_release(tmp_path)
    release = read_release(tmp_path, ReleaseName("digits", 1))
    golden = replace(release.golden[0], file=tmp_path / "gone.jpg")

    with TritonConnection("127.0.0.1:1") as connection:
        result = replay_golden(connection, release, golden, timeout_seconds=5)

    assert result.reason is not None
    assert "gone.jpg" in result.reason
