"""The real server reads every configuration for TensorRT that the exporter writes.

There is no card here, so none is loaded; but Triton refuses a configuration that it cannot read
with other words than one that asks for a card, and looks for the card last.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from python_backends.shared.image_transform import ImageTransform, ResizeFilter
from tests.integration.supervised_triton import PROJECT
from triptych.client.triton import TritonConnection
from triptych.engine_configs import read_config
from triptych.errors import CallFailed
from triptych.export.model_configs import PipelineShape, model_config
from triptych.export.preprocess_steps import ImageStep
from triptych.routing import ReleaseName
from triptych.stack.ports import free_ports
from triptych.stack.settings import StackSettings
from triptych.stack.triton_install import prepare_triton
from triptych.stack.triton_process import TritonProcess, wait_until_live

READ = "has kind KIND_GPU but no GPUs are available"
UNREAD = "failed to poll from model repository"

pytestmark = pytest.mark.skipif(
    shutil.which("nvidia-smi") is not None, reason="here is a card: tests/gpu says more"
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("view")


@pytest.fixture(scope="module")
def triton(view: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonConnection]:
    """A server with a backend "tensorrt", without which it would not get as far as the card."""
    http, grpc, metrics, own = free_ports(4)
    settings = StackSettings(
        state_dir=tmp_path_factory.mktemp("state"),
        triton_http_port=http,
        triton_grpc_port=grpc,
        triton_metrics_port=metrics,
        supervisor_port=own,
    )
    install = prepare_triton(settings.backends_dir)
    (settings.backends_dir / "tensorrt").symlink_to(PROJECT / "tests" / "plan_step")
    process = TritonProcess(install, view, settings)
    try:
        with TritonConnection(process.addresses.grpc, process.admin_secret) as connection:
            wait_until_live(connection, process.child, 60)
            yield connection
    finally:
        process.stop()


def write(view: Path, text: str) -> str:
    """Put it where Triton finds it; its name is the release's."""
    name = text.split('"')[1]
    (view / name / "1").mkdir(parents=True)
    (view / name / "1" / "model.plan").write_bytes(b"a plan")
    (view / name / "config.pbtxt").write_text(text)
    return name


def config(number: int, size: int, largest: int) -> str:
    step = ImageStep(ImageTransform(size, size, ResizeFilter.BICUBIC), max_pixels=1_000_000)
    shape = PipelineShape(step, classes=1000, top_k=10, max_batch_size=largest)
    return model_config(ReleaseName("plan", number), shape, "tensorrt")


@pytest.mark.parametrize(
    ("number", "size", "largest"), [(1, 224, 32), (2, 224, 1), (3, 48, 6), (4, 384, 64)]
)
def test_the_server_reads_it_and_only_lacks_the_card(
    triton: TritonConnection, view: Path, number: int, size: int, largest: int
) -> None:
    name = write(view, config(number, size, largest))

    with pytest.raises(CallFailed, match=READ):
        triton.load(name, 20)
    # As the supervisor hands it over when it switches a model.
    override = json.dumps(read_config(view / name / "config.pbtxt"))
    with pytest.raises(CallFailed, match=READ):
        triton.load(name, 20, override)


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        (11, "graphs: true", "graphs: perhaps"),
        (12, "KIND_GPU", "KIND_CARD"),
        (13, "graph_spec", "graph_specs"),
        (14, "dim:", "dims:"),
    ],
)
def test_what_it_cannot_read_is_refused_with_other_words(
    triton: TritonConnection, view: Path, number: int, old: str, new: str
) -> None:
    text = config(number, 48, 8)
    assert old in text
    name = write(view, text.replace(old, new))

    with pytest.raises(CallFailed, match=UNREAD):
        triton.load(name, 20)
