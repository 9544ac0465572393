"""A graph in ONNX Runtime, as it is served: also what benchmarks measure. No Triton in here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Feeds = Mapping[str, NDArray[Any]]

# Parts of one cost up to 6 % more CPU per item; larger ones gain 2 % at most, and take more
# memory for what is between the layers (ADR 23).
_PART: Final = 2
# The second session takes 1.2 to 1.6 times the model's file. What is between the layers of a full
# batch, worked through as a whole, is about as much for the networks up to here (ADR 23).
_LARGEST_HELD_TWICE_BYTES: Final = 256 * 2**20


class Network:
    """One session on the CPU, and where it has several threads another one for parts of a batch.

    In the latter each thread works on a part of its own: together on one they would wait for each
    other, and for whatever else the cores do. A network is not divided where its first axis is no
    open dimension, and where its files are so large that they are better not held twice.

    Args:
        file: ONNX.
        intra_op_threads: Within one operator, and parts at a time; 0 is one per core, and no parts.
        inter_op_threads: Over operators, where the graph is run in parallel; 0 is one per core.
    """

    def __init__(self, file: Path, *, intra_op_threads: int = 0, inter_op_threads: int = 0) -> None:
        self.session = _session(file, intra_op_threads, inter_op_threads)
        self.parts: _Parts | None = None
        if intra_op_threads > 1 and _is_held_twice(file) and _has_open_batch(self.session):
            self.parts = _Parts(_session(file, 1, inter_op_threads), intra_op_threads)

    def infer(self, feeds: Feeds, outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Run the graph over a batch; arrays by tensor name in, [N, ...] of each named one out."""
        items = len(next(iter(feeds.values())))
        parts = [] if self.parts is None else part_slices(items, self.parts.threads)
        if self.parts is None or not parts:
            answers: list[NDArray[Any]] = self.session.run(list(outputs), dict(feeds))
            return answers
        pieces = self.parts.infer(feeds, outputs, parts)
        if (rest := slice(parts[-1].stop, items)).start < items:
            pieces.append(self.session.run(list(outputs), _cut(feeds, rest)))
        return [np.concatenate(column) for column in zip(*pieces, strict=True)]


def part_slices(items: int, threads: int) -> list[slice]:
    """Divide a batch into parts that keep all threads busy.

    Args:
        items: Of the batch.
        threads: Each works on one part at a time.

    Returns:
        Parts from the first item on, without gaps. Fewer items than threads are left at the end:
        for all threads together, as parts they would leave some idle.
    """
    of_two = items - items % (_PART * threads)
    of_one = items - items % threads
    return [
        *(slice(start, start + _PART) for start in range(0, of_two, _PART)),
        *(slice(start, start + 1) for start in range(of_two, of_one)),
    ]


class _Parts:
    """A session that several threads run at the same time.

    Args:
        session: With one thread of its own, the one that calls it.
        threads: The caller's and the ones that help it. They end with this object.
    """

    def __init__(self, session: onnxruntime.InferenceSession, threads: int) -> None:
        self.session = session
        self.threads = threads
        self._helpers = ThreadPoolExecutor(threads - 1, thread_name_prefix="parts")

    def infer(
        self, feeds: Feeds, outputs: Sequence[str], parts: Sequence[slice]
    ) -> list[list[NDArray[Any]]]:
        """Run each part once; the named outputs of each, in the order of the parts.

        Raises:
            Exception: a part failed. By then none is at work any more.
        """
        waiting = deque(parts)
        answers: dict[int, list[NDArray[Any]]] = {}

        def work() -> None:
            try:
                for part in _taken(waiting):
                    answers[part.start] = self.session.run(list(outputs), _cut(feeds, part))
            finally:
                waiting.clear()  # some are left only where one has failed: no need for them

        helpers = [self._helpers.submit(work) for _ in range(self.threads - 1)]
        try:
            work()
        finally:
            wait(helpers)  # the arrays may be Triton's own memory, gone when the caller goes on
        for helper in helpers:
            helper.result()
        return [answers[part.start] for part in parts]


def _taken(waiting: deque[slice]) -> Iterator[slice]:
    while True:
        try:
            part = waiting.popleft()
        except IndexError:  # to ask first would be too early: another thread takes from it, too
            return
        yield part


def _cut(feeds: Feeds, part: slice) -> dict[str, NDArray[Any]]:
    return {name: array[part] for name, array in feeds.items()}


def _session(file: Path, intra_op: int, inter_op: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = intra_op
    options.inter_op_num_threads = inter_op
    # A thread that spins for its next piece of work takes the core from the decoders.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _is_held_twice(file: Path) -> bool:
    """Whether it is small enough; weights may lie beside it, in files that only ONNX names."""
    files = (it for it in file.parent.rglob("*") if it.is_file())
    return sum(it.stat().st_size for it in files) <= _LARGEST_HELD_TWICE_BYTES


def _has_open_batch(session: onnxruntime.InferenceSession) -> bool:
    """Whether the first axis of all tensors is one that has a name, or none, and no number."""
    tensors = [*session.get_inputs(), *session.get_outputs()]
    return all(it.shape and not isinstance(it.shape[0], int) for it in tensors)
