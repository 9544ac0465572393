"""Several threads of ONNX Runtime, each at a part of its own."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from python_backends.onnxruntime.model import TritonPythonModel
from python_backends.onnxruntime.network import Network, part_slices
from python_backends.shared.contract import TensorSpec
from python_backends.shared.triton_io import ModelConfig
from tests.fakes.fake_cores import fake_cores
from tests.unit.python_backends.loading import initialize_arguments

pytestmark = pytest.mark.usefixtures("triton_log")

ROOT = Path(__file__).resolve().parents[3]
CHANNEL_MEANS = ROOT / "tests" / "data" / "channel_means.onnx"
DIGITS = ROOT / "model_repository" / "digits_r1_model" / "1" / "model.onnx"
PATIENCE_SECONDS = 30


def pictures(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(1, 256, (count, 48, 48, 3), np.uint8)


def helpers() -> list[threading.Thread]:
    return [it for it in threading.enumerate() if it.name.startswith("parts")]


class Watched:
    """In place of the session for parts, which it passes on to.

    Args:
        session: The real one; ONNX Runtime has no types.
        meeting: Nobody runs a part until so many threads have their first one.
    """

    def __init__(self, session: Any, meeting: threading.Barrier) -> None:
        self.session = session
        self.meeting = meeting
        self.seen: list[int] = []
        self.under_way = 0

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> Any:
        """Fail for a picture that is black; take long for all others."""
        pixels = feeds["PIXELS"]
        self.seen.append(len(pixels))
        self.under_way += 1
        try:
            if len(self.seen) <= self.meeting.parties:
                self.meeting.wait(PATIENCE_SECONDS)
            if not pixels.any():
                raise RuntimeError("a black picture")
            self.session.run(outputs, {"PIXELS": pictures(64)})
            return self.session.run(outputs, feeds)
        finally:
            self.under_way -= 1


def watched(network: Network) -> Watched:
    assert network.parts is not None
    session = Watched(network.parts.session, threading.Barrier(network.parts.threads))
    network.parts.session = session
    return session


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 5, 6, 12, 17, 32])
def test_a_batch_of_any_size_is_answered_as_its_items_alone_are(threads: int, size: int) -> None:
    feeds = pictures(size)
    network = Network(DIGITS, intra_op_threads=threads)

    (together,) = network.infer({"PIXELS": feeds}, ["LOGITS"])

    alone = [network.infer({"PIXELS": it[None]}, ["LOGITS"])[0][0] for it in feeds]
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize(
    ("items", "threads", "sizes", "rest"),
    [
        (1, 2, [], 1),
        (2, 2, [1, 1], 0),
        (3, 2, [1, 1], 1),
        (4, 2, [2, 2], 0),
        (7, 2, [2, 2, 1, 1], 1),
        (7, 8, [], 7),
        (14, 4, [2, 2, 2, 2, 1, 1, 1, 1], 2),
    ],
)
def test_parts_keep_all_threads_busy_and_what_cannot_is_left_for_all_of_them_together(
    items: int, threads: int, sizes: list[int], rest: int
) -> None:
    parts = part_slices(items, threads)

    assert [part.stop - part.start for part in parts] == sizes
    covered = [item for part in parts for item in range(part.start, part.stop)]
    assert covered == list(range(items - rest))


def test_a_part_has_one_thread_and_a_single_item_all_of_them() -> None:
    network = Network(DIGITS, intra_op_threads=2)
    assert network.parts is not None

    assert network.session.get_session_options().intra_op_num_threads == 2
    options = network.parts.session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_as_many_parts_as_there_are_threads_are_at_work_at_the_same_time() -> None:
    network = Network(DIGITS, intra_op_threads=3)
    session = watched(network)

    # Nobody passes the barrier unless three have a part.
    (answered,) = network.infer({"PIXELS": pictures(6)}, ["LOGITS"])

    assert answered.shape == (6, 10)
    assert session.seen == [2, 2, 2]


@pytest.mark.parametrize("black", [0, 2])
def test_a_part_that_fails_ends_the_batch_and_leaves_none_of_the_others_at_work(black: int) -> None:
    network = Network(DIGITS, intra_op_threads=2)
    session = watched(network)
    batch = pictures(128)
    batch[black : black + 2] = 0

    with pytest.raises(RuntimeError, match="a black picture"):
        network.infer({"PIXELS": batch}, ["LOGITS"])

    assert session.under_way == 0
    assert len(session.seen) < 64
    (answered,) = network.infer({"PIXELS": pictures(4)}, ["LOGITS"])
    assert answered.shape == (4, 10)


def test_one_thread_has_one_session_and_no_helper() -> None:
    before = set(helpers())
    network = Network(DIGITS, intra_op_threads=1)

    network.infer({"PIXELS": pictures(8)}, ["LOGITS"])

    assert network.parts is None
    assert set(helpers()) <= before


def test_the_helpers_end_with_their_network() -> None:
    before = set(helpers())
    network = Network(DIGITS, intra_op_threads=3)
    network.infer({"PIXELS": pictures(8)}, ["LOGITS"])
    started = set(helpers()) - before
    assert started

    del network

    for thread in started:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.mark.parametrize("occurrence", ["input", "output"])
def test_a_network_whose_first_axis_is_a_number_is_not_divided(
    tmp_path: Path, occurrence: str
) -> None:
    # In protobuf a dimension named N; and one of the size 4, its varint as long as that.
    named, fixed = b"\x12\x01N", b"\x08\x84\x00"
    before, between, after = CHANNEL_MEANS.read_bytes().split(named)
    dimensions = (fixed, named) if occurrence == "input" else (named, fixed)
    file = tmp_path / "model.onnx"
    file.write_bytes(before + dimensions[0] + between + dimensions[1] + after)

    network = Network(file, intra_op_threads=2)

    assert network.parts is None
    (answered,) = network.infer({"PIXELS": np.full((4, 2, 2, 3), 9, np.uint8)}, ["LOGITS"])
    assert answered.tolist() == [[9, 9, 9]] * 4


def test_a_network_with_large_files_beside_it_is_held_once(tmp_path: Path) -> None:
    shutil.copy(CHANNEL_MEANS, tmp_path / "model.onnx")
    assert Network(tmp_path / "model.onnx", intra_op_threads=2).parts is not None

    with (tmp_path / "weights.data").open("wb") as weights:
        weights.truncate(300 * 2**20)  # takes no room on the disk

    assert Network(tmp_path / "model.onnx", intra_op_threads=2).parts is None


@pytest.mark.parametrize(("instances", "at_a_time"), [(1, 4), (2, 2), (4, None)])
def test_instances_share_the_cores_that_work_on_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instances: int, at_a_time: int | None
) -> None:
    fake_cores(monkeypatch, 4)
    (tmp_path / "1").mkdir()
    shutil.copy(CHANNEL_MEANS, tmp_path / "1" / "model.onnx")
    arguments = initialize_arguments(
        tmp_path,
        inputs=[TensorSpec("PIXELS", "UINT8", (2, 2, 3))],
        outputs=[TensorSpec("LOGITS", "FP32", (3,))],
        parameters={"intra_op_thread_count": "0"},
        instances=instances,
    )

    network = TritonPythonModel().open_network(ModelConfig.from_arguments(arguments))

    assert isinstance(network, Network)
    parts = network.parts
    assert (parts.threads if parts else None) == at_a_time
