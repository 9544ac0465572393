"""Where the time went: as the gateway tells it, and as bars."""

from __future__ import annotations

import pytest

from tests.unit.ui.fake_answers import SERVER_TIMING, TRACE
from ui.calls.waterfall import Stretch, Waterfall, decode_waterfall, read_server_timing
from ui.components.waterfall_chart import to_rows, unknowns
from ui.texts import load_texts

ENGLISH = load_texts("en")


def test_the_header_s_times_stand_in_a_row_and_the_rest_is_the_gateways() -> None:
    read = read_server_timing(SERVER_TIMING)

    assert read is not None
    assert not read.is_traced
    told = [(it.name, it.kind, it.start_ms, it.duration_ms) for it in read.stretches]
    assert [(name, kind) for name, kind, *_ in told] == [
        ("body", "gateway"),
        ("queue", "queue"),
        ("triton", "triton"),
        ("rest", "gateway"),
    ]
    assert [start for *_, start, _ in told] == pytest.approx([0.0, 0.2, 0.3, 4.8])
    assert told[-1][-1] == pytest.approx(0.7)


@pytest.mark.parametrize("header", ["", "cache;desc=hit", "queue;dur=0.1", "total;dur=much"])
def test_a_header_that_does_not_tell_the_whole_is_not_read(header: str) -> None:
    assert read_server_timing(header) is None


def test_parts_that_sum_to_more_than_the_whole_leave_no_rest() -> None:
    read = read_server_timing("triton;dur=5.0, total;dur=4.9")

    assert read is not None
    assert read.stretches[-1].duration_ms == 0.0


def test_a_trace_keeps_what_the_gateway_measured() -> None:
    trace = decode_waterfall(TRACE)  # type: ignore[arg-type]  # a body as it comes, not yet known

    assert trace.is_traced
    assert trace.has_steps
    assert not trace.is_shifted
    assert trace.stretches[3] == Stretch("model queue", "queue", 1.5, 0.25)


def test_the_rows_name_what_is_known_and_show_anything_else_as_it_is() -> None:
    stretches = (Stretch("model queue", "queue", 1.5, 0.25), Stretch("new", "odd", 2.0, 1.0))

    rows = to_rows(Waterfall(stretches), ENGLISH)

    assert list(rows["name"]) == ["Model, waiting", "new"]
    assert list(rows["kind"]) == ["Waiting", "Gateway"]
    assert list(rows["end"]) == [1.75, 3.0]
    assert list(rows["ms"]) == ["0.25", "1.00"]


@pytest.mark.parametrize(
    ("waterfall", "names"),
    [
        (Waterfall(()), ("result.not_traced",)),
        (Waterfall((), is_traced=True, has_steps=True), ("result.traced",)),
        (Waterfall((), is_traced=True), ("result.no_steps", "result.traced")),
        (Waterfall((), is_traced=True, has_steps=True, is_shifted=True), ("result.shifted",)),
    ],
)
def test_the_caption_says_what_is_not_known(waterfall: Waterfall, names: tuple[str, ...]) -> None:
    assert unknowns(waterfall) == names
