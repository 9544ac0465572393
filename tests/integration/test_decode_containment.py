"""A real Triton whose decoder crashes on demand: the image pays, and nobody else."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
from google.protobuf import json_format
from PIL import Image
from tritonclient.grpc import service_pb2, service_pb2_grpc

from python_backends.shared.contract import ItemAnswer, Status, Task
from tests import pictures
from tests.left_over import alive_after
from tests.poison_backend import poison_backend
from tests.poison_decoder import CRASHES, HANGS, poisoned_jpeg
from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed
from triptych.routing import ReleaseName
from triptych.stack.solo_triton import solo_triton

RELEASE = ReleaseName("digits", 1)
STEP = RELEASE.step("preprocess")
SEVEN = pictures.seven_jpeg()
CLIENTS = 8
pytestmark = pytest.mark.timeout(300)


@dataclass
class PoisonedTriton:
    """A Triton of our own and what its preprocess step consists of."""

    connection: TritonConnection
    process: psutil.Process
    options: dict[str, str]
    reloads: int = 0

    def classify(self, *images: bytes) -> list[ItemAnswer]:
        return self.connection.classify(
            str(RELEASE), Task.IMAGE_CLASSIFICATION, images, timeout_seconds=60
        )

    def reload(self) -> None:
        """Load the step anew, as a heal does it: with a parameter that nobody reads."""
        self.reloads += 1
        with grpc.insecure_channel(self.connection.address) as channel:
            triton = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            config = triton.ModelConfig(service_pb2.ModelConfigRequest(name=STEP)).config
            config.parameters["reloads"].string_value = str(self.reloads)
            request = service_pb2.RepositoryModelLoadRequest(model_name=STEP)
            request.parameters["config"].string_param = json_format.MessageToJson(
                config, preserving_proto_field_name=True
            )
            _, _, secret = self.options["--grpc-restricted-protocol"].partition("=")
            triton.RepositoryModelLoad(
                request, metadata=(("triton-grpc-protocol-admin-key", secret),)
            )

    def stubs(self) -> list[psutil.Process]:
        """After a load the one before stays for a second or two."""
        return [child for child in self.process.children() if serves_step(child)]

    def stub(self) -> psutil.Process:
        wait_until(lambda: len(self.stubs()) == 1)
        return self.stubs()[0]

    def decoders(self) -> list[psutil.Process]:
        (nursery,) = self.stub().children()
        return nursery.children()

    def shared_regions(self) -> int:
        _, _, prefix = self.options["--backend-config"].partition("shm-region-prefix-name=")
        place = Path("/dev/shm")  # noqa: S108 - Triton's regions are nowhere else
        return len(list(place.glob(f"{prefix}*")))


def serves_step(process: psutil.Process) -> bool:
    try:
        return f"/{STEP}/" in " ".join(process.cmdline()) + "/"
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def triton() -> Iterator[PoisonedTriton]:
    with solo_triton(pictures.PROJECT / "model_repository", [RELEASE]) as connection:
        port = connection.address.rpartition(":")[2]
        (process,) = [
            child
            for child in psutil.Process().children(recursive=True)
            if f"--grpc-port={port}" in child.cmdline()
        ]
        options = dict(part.split("=", 1) for part in process.cmdline() if "=" in part)
        poisoned = PoisonedTriton(connection, process, options)
        poison_backend(Path(options["--backend-directory"]))
        poisoned.reload()
        yield poisoned


@dataclass
class Load:
    """What eight clients saw, each sending one good picture after another."""

    answers: Counter[str] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, more: int, timeout_seconds: float = 20) -> None:
        goal = self.answers.total() + more
        wait_until(lambda: self.answers.total() >= goal, timeout_seconds)


@contextmanager
def load(triton: PoisonedTriton) -> Iterator[Load]:
    seen = Load()

    def send() -> None:
        while not seen.stop.is_set():
            try:
                (answer,) = triton.classify(SEVEN)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is counted
                seen.answers[repr(exc)] += 1
            else:
                seen.answers["".join(answer.labels[:1]) or answer.status.name] += 1

    threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        seen.wait_for(50)
        yield seen
    finally:
        seen.stop.set()
        for thread in threads:
            thread.join(60)


def wait_until(holds: object, timeout_seconds: float = 10) -> None:
    assert callable(holds)
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("kind", [*CRASHES, *HANGS])
def test_a_harmful_image_of_a_batch_is_refused_alone_and_the_stub_lives(
    triton: PoisonedTriton, kind: str
) -> None:
    stub = triton.stub()
    answers = triton.classify(*[SEVEN] * 3, poisoned_jpeg(kind), *[SEVEN] * 4)

    assert answers[3].status is Status.HARMFUL
    others = answers[:3] + answers[4:]
    assert [answer.labels[0] for answer in others] == ["7"] * 7
    assert triton.stub() == stub
    assert stub.is_running()


def test_a_decoder_killed_under_load_costs_one_image_at_most(triton: PoisonedTriton) -> None:
    with load(triton) as seen:
        for _ in range(10):
            max(triton.decoders(), key=cpu_seconds).kill()
            seen.wait_for(30)

    assert set(seen.answers) <= {"7", "HARMFUL"}
    assert seen.answers["HARMFUL"] <= 10


def cpu_seconds(process: psutil.Process) -> float:
    """The busiest decoder is the one that is used first."""
    times = process.cpu_times()
    return float(times.user + times.system)


def test_a_decoder_stopped_under_load_is_replaced_after_its_deadline(
    triton: PoisonedTriton,
) -> None:
    with load(triton) as seen:
        stopped = max(triton.decoders(), key=cpu_seconds)
        stopped.send_signal(signal.SIGSTOP)
        wait_until(lambda: not stopped.is_running(), 5)
        seen.wait_for(100)

    assert set(seen.answers) <= {"7", "HARMFUL"}
    assert seen.answers["HARMFUL"] <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_largest_pictures_fit_into_the_default_limits(
    triton: PoisonedTriton, kind: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (250, 250, 4), np.uint8)
    large = Image.fromarray(np.tile(noise, (28, 28, 1)))  # 49 megapixels
    options = {
        "JPEG": {"quality": 80},
        "PNG": {"compress_level": 1},
        "WEBP": {"method": 0, "lossless": True, "quality": 0},
    }
    picture = large.convert("RGB") if kind == "JPEG" else large
    answers = triton.classify(pictures.encoded(picture, kind, **options[kind]), SEVEN)

    assert [answer.status for answer in answers] == [Status.OK, Status.OK]


@pytest.mark.long
def test_ten_reloads_under_load_leave_nothing_behind(triton: PoisonedTriton) -> None:
    triton.reload()
    triton.classify(*[SEVEN] * 8)
    before = counts(triton)
    with load(triton) as seen:
        for _ in range(10):
            triton.reload()
            seen.wait_for(20)

    assert set(seen.answers) == {"7"}
    after = counts(triton)
    assert after[0] == before[0]
    assert after[2] == before[2]
    assert after[1] <= before[1] + 4  # a stub inherits what Triton has open with its clients


def counts(triton: PoisonedTriton) -> tuple[int, int, int]:
    """Processes below Triton, files that its stub has open, regions in /dev/shm."""
    stub = triton.stub()
    return (
        len(triton.process.children(recursive=True)),
        stub.num_fds(),
        triton.shared_regions(),
    )


def test_nothing_outlives_a_stub_that_is_killed_while_it_decodes(triton: PoisonedTriton) -> None:
    stub = triton.stub()
    children = stub.children(recursive=True)
    assert len(children) >= 3

    def decode_for_ever() -> None:
        with contextlib.suppress(CallFailed):
            triton.classify(poisoned_jpeg("loop"))

    before = sum(map(cpu_seconds, children))
    hanging = threading.Thread(target=decode_for_ever)
    hanging.start()
    wait_until(lambda: sum(map(cpu_seconds, children)) > before + 0.02)
    stub.kill()

    assert alive_after(children, 1.0) == []
    hanging.join(30)
    triton.reload()
    assert triton.classify(SEVEN)[0].labels[0] == "7"


def test_what_the_processes_hold_in_memory(triton: PoisonedTriton) -> None:
    """Pages that are shared count for each by its part: the numbers are those of docs/adr/0016."""
    triton.reload()
    triton.classify(*[SEVEN] * 8)
    stub = triton.stub()
    pss = [
        process.memory_full_info().pss >> 20 for process in (stub, *stub.children(recursive=True))
    ]
    print(json.dumps({"stub, nursery, decoders (PSS, MB)": pss}))  # noqa: T201 - for the ADR

    assert sum(pss) < 150
