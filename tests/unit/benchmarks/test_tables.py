from __future__ import annotations

from benchmarks.comparison import tables
from tests.unit.benchmarks.lines import floor, line


def cells(text: str, way: str) -> list[str]:
    (row,) = [it for it in text.splitlines() if it.startswith(f"| {way}")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_the_floor_is_the_median_of_its_runs_and_tells_their_spread() -> None:
    lines = [floor(5.0), line(), floor(4.0), floor(3.0)]

    row = cells(tables.ways_table(lines, "tiny", 16), "floor")

    assert row[0].endswith("3 runs")
    assert row[4] == "4.00 (3.00 to 5.00)"


def test_a_way_shows_its_cost_as_a_multiple_of_the_floor() -> None:
    lines = [floor(4.0), line(cpu_ms_per_image=6.0, floor_cpu_ms_per_image=4.0)]

    row = cells(tables.ways_table(lines, "tiny", 16), "gateway REST, raw body")

    assert row[4:6] == ["6.00", "1.50"]


def test_only_the_asked_network_and_number_of_clients_is_shown() -> None:
    lines = [floor(4.0), line(), line(clients=1, way="one"), line(network="resnet18", way="big")]

    text = tables.ways_table(lines, "tiny", 16)

    assert "| one |" not in text
    assert "| big |" not in text


def test_a_row_with_errors_says_so_and_stays_one_row() -> None:
    failed = line(errors=12, first_error="AnswerFailed: 503 a|b\nmore")

    row = cells(tables.ways_table([floor(4.0), failed], "tiny", 16), "gateway REST, raw body")

    assert row[7] == "**12**: AnswerFailed: 503 a/b more"


def test_what_was_not_measured_is_a_dash() -> None:
    folder_run = line(way="SDK folder run", p50_ms=float("nan"), same_label="")

    row = cells(tables.ways_table([floor(4.0), folder_run], "tiny", 16), "SDK folder run")

    assert row[2] == "–"  # noqa: RUF001 - the dash of the table
    assert row[8] == "–"  # noqa: RUF001 - as above


def test_engines_are_listed_by_clients_with_their_multiple_of_the_floor() -> None:
    lines = [
        line(series="engines", way="OpenVINO int8", clients=16, cpu_ms_per_image=1.0),
        line(series="engines", way="OpenVINO bf16", clients=1, cpu_ms_per_image=2.0),
        line(),
    ]

    rows = tables.engines_table(lines, "tiny").splitlines()[2:]

    assert [row.split(" | ")[:2] for row in rows] == [
        ["| OpenVINO bf16", "1"],
        ["| OpenVINO int8", "16"],
    ]
    assert cells("\n".join(rows), "OpenVINO int8")[5:7] == ["1.00", "0.25"]


def test_what_stays_without_the_network_is_told_as_pictures_per_core() -> None:
    direct = "direct gRPC to Triton"
    lines = [
        line(cpu_ms_per_image=5.0),
        line(cpu_ms_per_image=9.0, clients=1),
        line(cpu_ms_per_image=50.0, network="resnet18"),
        line(series="batch", way=direct, batch=8, cpu_ms_per_image=3.0),
        line(series="batch", way=direct, batch=32, clients=2, cpu_ms_per_image=2.5),
    ]

    rows = tables.without_network_table(lines).splitlines()[2:]

    assert rows == [
        "| gateway REST, raw body | 16 | 1 | 5.00 | 200 |",
        "| direct gRPC to Triton | 2 | 32 | 2.50 | 400 |",
    ]


def test_what_perf_analyzer_could_not_measure_is_said_in_its_row() -> None:
    nan, said = float("nan"), "perf_analyzer ended with 3"
    way = "perf_analyzer, closed loop"
    failed = line(series="arrivals", way=way, p50_ms=nan, errors=1, first_error=said)

    row = cells(tables.arrivals_table([failed], "tiny"), "closed loop")

    assert (row[1], row[3], row[7]) == ("16", "–", f"**1**: {said}")  # noqa: RUF001 - as above
