from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison.measuring import Subject
from benchmarks.comparison.pictures_on_disk import Pictures
from benchmarks.comparison.wrk import read_line
from benchmarks.network_cache import Network

PICTURES = Pictures(Path(), width=1, height=1, contents=(b"a",))
SUBJECT = Subject("ways", Network("tiny", "tiny network", 10), PICTURES, "by wrk", clients=16)
SAID = """Running 8s test @ http://127.0.0.1:8080/
Requests/sec:    100.00

{"requests": 810, "errors": 10, "seconds": 8.000000, "p50_ms": 95.5, "p99_ms": 150.25}
"""


def test_the_last_line_of_wrk_becomes_a_line_of_the_report() -> None:
    line = read_line(SAID, SUBJECT, cpu_seconds=4.0)

    assert (line.images, line.errors, line.images_per_second) == (800, 10, 100.0)
    assert (line.p50_ms, line.p99_ms, line.cpu_ms_per_image) == (95.5, 150.25, 5.0)
    assert line.first_error


def test_a_wrk_that_says_something_else_is_not_believed() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        read_line("unable to connect to 127.0.0.1\n", SUBJECT, cpu_seconds=0.0)
