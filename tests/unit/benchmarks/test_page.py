from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.comparison.measurement import Measurement, write_csv
from benchmarks.comparison.page import PAGE, newest_results, to_markdown, write_page
from benchmarks.comparison.plots import write_plots
from benchmarks.comparison.stages import Stage, write_stages
from tests.unit.benchmarks.lines import floor, line

PROCESS = {"process": "tritonserver", "pid": 7, "rss_bytes": 90_000_000, "pss_bytes": 80_000_000}
FOOTPRINT = {
    "moment": "just started",
    "processes": [PROCESS],
    "pss_bytes": 80_000_000,
    "rss_bytes": 90_000_000,
    "shared_memory_bytes": 2_000_000,
}
STARTS = {
    "starts": [{"kind": "cold", "seconds": 8.0}, {"kind": "warm", "seconds": 4.5}],
    "footprints": [FOOTPRINT],
}


def state(stolen: int) -> dict[str, Any]:
    speed = {"sha256_mb_per_second": 1500, "float32_gflops": 90.1}
    return {
        "time": "2026-11-23T03:00:00+00:00",
        "load_average": [0.1, 0.2, 0.3],
        "stolen_seconds": stolen,
        "speed": speed,
    }


def results(folder: Path, lines: list[Measurement]) -> Path:
    folder.mkdir()
    write_csv(folder / "measurements.csv", lines)
    stage = Stage("tiny", 16, "model", 100, mean_batch=4.25, queue_ms=0.5, compute_ms=3.125)
    write_stages(folder / "stages.csv", [stage])
    (folder / "startup.json").write_text(json.dumps(STARTS))
    about = {
        "machine": "AMD EPYC, 2 cores, Linux 6",
        "cores_used": [0, 1],
        "python": "3.11.2",
        "packages": {"numpy": "1.26.4"},
        "commit": "abc1234",
        "minutes": 2.5,
        "before": state(100),
        "after": state(103),
    }
    (folder / "environment.json").write_text(json.dumps(about))
    return folder


def test_the_page_has_the_figures_and_links_the_plots_from_where_it_lies(tmp_path: Path) -> None:
    ways = [floor(4.0), line(), line(clients=1), floor(4.2)]
    batches = [line(series="batch", batch=it, way="direct gRPC to Triton") for it in (1, 8)]
    sizes = [line(series="image size", width=it, way="direct gRPC to Triton") for it in (640, 4000)]
    engines = [line(series="engines", way="OpenVINO int8", clients=it) for it in (1, 16)]
    aimed = line(series="aims", way="OpenVINO fp32")
    lines = [aimed, *ways, *batches, *sizes, *engines]
    folder = results(tmp_path / "results", lines)
    write_plots(folder, lines)
    (tmp_path / "docs").mkdir()

    text = write_page(folder, tmp_path / "docs" / "performance.md").read_text()

    for name in ("cpu-tiny", "clients-tiny", "engines-tiny", "batch", "image-size"):
        assert f"(../results/{name}.png)" in text
        assert (folder / f"{name}.png").stat().st_size > 5000
    assert "| gateway REST, raw body | 125 | 10.0 | 20.0 | 6.00 | 1.50 |" in text
    assert "| warm | 4.5 | 4.5 | under 6 |" in text
    assert "took meanwhile: 3" in text
    assert "| OpenVINO int8 | 16 | 125 | 10.0 | 20.0 | 6.00 | 1.50 |" in text
    assert "| tiny network, gateway, 16 clients | 0.75 | 1.50 (1.50 to 1.50) | x floor |" in text
    assert "| tiny | 16 | model | 4.2 | 0.50 | 3.12 |" in text


def test_what_a_quick_run_leaves_out_is_said_so(tmp_path: Path) -> None:
    folder = results(tmp_path / "results", [floor(4.0), line(), line(clients=1)])

    text = write_page(folder, tmp_path / "performance.md").read_text()

    assert text.count("Not measured in this run.") == 3
    assert "$" not in text


def test_the_committed_page_is_made_from_the_newest_committed_results() -> None:
    folder = newest_results()

    assert (PAGE.read_text() if PAGE.is_file() else None) == (folder and to_markdown(folder, PAGE))
