"""Numbers over time, as far as no page is needed to look at them."""

from __future__ import annotations

from ui.components.time_chart import HEIGHT_PIXELS, TimeChart, height_of


def test_every_name_of_a_legend_has_room() -> None:
    narrow, wide = (TimeChart("", "", "", 5, is_wide=is_wide) for is_wide in (False, True))

    assert height_of(narrow, 3) == height_of(wide, 3) == HEIGHT_PIXELS
    assert height_of(narrow, 12) >= HEIGHT_PIXELS + 9 * 29
    assert height_of(wide, 10) >= 11 * 29
