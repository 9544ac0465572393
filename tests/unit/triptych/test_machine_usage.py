"""CPU and memory of a family of processes, and what Triton says of GPUs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.fake_triton import running_triton
from tests.unit.triptych.waiting import wait_until
from triptych.client.triton import TritonConnection
from triptych.supervisor.gpu_usage import ask_for_gpus, read_gpus
from triptych.supervisor.process_usage import ProcessUsage
from triptych.supervisor.step_samples import StepSamples

EXPOSITION = """# HELP nv_gpu_utilization GPU utilization rate [0.0 - 1.0)
# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{gpu_uuid="GPU-1"} 0.25
nv_gpu_memory_used_bytes{gpu_uuid="GPU-1"} 1.5e9
nv_gpu_memory_total_bytes{gpu_uuid="GPU-1"} 8e10
nv_gpu_utilization{gpu_uuid="GPU-2"} 0.5
nv_inference_count{model="digits_r1",version="1"} 12
"""
# Starts what its arguments say and is busy or idle itself until its input ends.
PARENT = """
import subprocess, sys
children = [subprocess.Popen(it.split("|"), stdin=subprocess.PIPE) for it in sys.argv[2:]]
total = 0
if sys.argv[1] == "busy":
    for i in range(3_000_000): total += i
print("done", flush=True)
sys.stdin.read()
for it in children: it.communicate()
"""


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", PARENT, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.communicate()


def a_stub(folder: Path, model: str) -> str:
    """A command line like a stub's: its program's name, then its model's file."""
    stub = folder / "triton_python_backend_stub"
    if not stub.exists():
        stub.symlink_to("/bin/cat")
    return f"{stub}|{folder}/{model}/1/model.py|-"


def test_processes_are_named_by_what_they_are_for(tmp_path: Path) -> None:
    (tmp_path / "digits_r1_preprocess" / "1").mkdir(parents=True)
    (tmp_path / "digits_r1_preprocess" / "1" / "model.py").touch()
    with running("idle", a_stub(tmp_path, "digits_r1_preprocess")) as root:
        assert root.stdout is not None
        root.stdout.readline()
        usage = ProcessUsage(root.pid)
        wait_until(
            lambda: {"supervisor", "digits_r1_preprocess"} <= ProcessUsage(root.pid).look().keys()
        )
        first = usage.look()

    assert first.keys() == {"supervisor", "digits_r1_preprocess"}
    assert all(rss > 100_000 for _, rss in first.values())
    assert all(cpu == 0 for cpu, _ in first.values())  # since when, nobody knows
    assert usage.look() == {}


def test_what_a_stub_has_started_are_its_decoders() -> None:
    child = f"{sys.executable}|-c|import sys; sys.stdin.read()"
    grandchild = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with running("idle", child, f"{sys.executable}|-c|{grandchild}") as root:
        assert root.stdout is not None
        root.stdout.readline()
        program = Path(sys.executable).name
        wait_until(lambda: f"{program} decoders" in ProcessUsage(root.pid).look())
        assert ProcessUsage(root.pid).look().keys() == {
            "supervisor",
            program,
            f"{program} decoders",
        }


def test_cpu_is_what_was_used_between_two_looks() -> None:
    with running("busy") as root:
        usage = ProcessUsage(root.pid)
        usage.look()
        assert root.stdout is not None
        root.stdout.readline()
        ((cpu, _),) = usage.look().values()
        ((idle, _),) = usage.look().values()

    assert 0 < cpu < 30
    assert idle <= 0.02


def test_gpus_are_read_from_tritons_metrics() -> None:
    assert read_gpus(EXPOSITION) == {"GPU-1": (0.25, 1.5e9, 8e10)}
    assert read_gpus("") == {}


def test_a_triton_that_does_not_answer_tells_of_no_gpu() -> None:
    assert ask_for_gpus("http://127.0.0.1:1/metrics") == {}


def test_a_sample_tells_of_processes_and_gpus_even_without_a_triton() -> None:
    samples = StepSamples(
        lambda: TritonConnection("127.0.0.1:1"),
        lambda: [],
        processes=ProcessUsage(),
        gpus=lambda: read_gpus(EXPOSITION),
    )
    with running_triton() as triton, TritonConnection(triton.address) as connection:
        samples.look(connection)
    told = json.loads(samples.to_json())
    (sample,) = told["samples"]

    assert told["process_fields"] == ["cpu_seconds", "rss_bytes"]
    assert sample["models"] == {}
    assert sample["processes"]["supervisor"][1] > 1_000_000
    assert sample["gpus"] == {"GPU-1": [0.25, 1.5e9, 8e10]}
    assert json.loads(samples.to_json(since=sample["time"]))["samples"] == []
    assert len(json.loads(samples.to_json(since="2026-01-01T00:00:00.000Z"))["samples"]) == 1
