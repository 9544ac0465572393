"""What a step is asked with that has not come up in this server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from python_backends.shared.contract import encode_bytes_tensor
from tests.unit.triptych.small_release import write_small_release
from triptych.release import Release, read_release
from triptych.routing import ReleaseName
from triptych.stack.triton_addresses import TritonAddresses
from triptych.stack.triton_process import TritonProcess
from triptych.supervisor.live_triton import STEPS, LiveTriton


class NobodyListens:
    """A process whose server answers nothing."""

    addresses = TritonAddresses(http="127.0.0.1:1", grpc="127.0.0.1:1", metrics="127.0.0.1:1")
    admin_secret = ""


@pytest.fixture
def live() -> Iterator[LiveTriton]:
    live = LiveTriton(cast(TritonProcess, NobodyListens()), load_seconds=1.0)
    yield live
    live.connection.close()


@pytest.fixture
def release(tmp_path: Path) -> Release:
    write_small_release(tmp_path)
    return read_release(tmp_path, ReleaseName("digits", 1))


def test_a_release_that_never_came_up_is_asked_with_what_its_files_say(
    live: LiveTriton, release: Release
) -> None:
    asked = {step: live.probe_tensors(release, step) for step in STEPS}

    found = {
        step: [(spec.name, spec.dtype, spec.shape, len(content)) for spec, content in tensors]
        for step, tensors in asked.items()
    }
    golden = len(encode_bytes_tensor([b"picture of zero"]))
    assert found == {
        "preprocess": [("IMAGE", "BYTES", (1,), golden)],
        "model": [("PIXELS", "UINT8", (28, 32, 3), 28 * 32 * 3)],
        "postprocess": [("LOGITS", "FP32", (3,), 12), ("STATUS", "UINT8", (1,), 1)],
    }


def test_what_is_gone_from_the_disk_is_asked_with_nothing(
    live: LiveTriton, release: Release
) -> None:
    (release.model_folder() / "config.pbtxt").unlink()

    assert live.probe_tensors(release, "model") == []
