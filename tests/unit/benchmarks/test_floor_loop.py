from __future__ import annotations

import io
import json

import pytest

from benchmarks.comparison.floor_loop import answer


def test_a_floor_warms_up_says_ready_and_works_as_often_as_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers: list[int] = []

    def step(number: int) -> int:
        numbers.append(number)
        return 8

    monkeypatch.setattr("sys.stdin", io.StringIO("0.01\n0.01\n"))
    answer(step)
    ready, *told = capsys.readouterr().out.splitlines()

    assert ready == "ready"
    assert numbers[:5] == [0, 1, 2, 0, 1]
    assert len(told) == 2
    for done in map(json.loads, told):
        assert done["images"] == 8 * len(done["times_ms"]) > 0
        assert done["seconds"] >= 0.01
        assert done["cpu_seconds"] > 0
