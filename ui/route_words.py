"""What an alias means, and what a change of it does, in words. Pure."""

from __future__ import annotations

from ui.calls.route_changes import Meaning
from ui.texts import Texts
from ui.traffic_moves import moves
from ui.view_models import as_code

# By the gateway's names.
_STICKY = {
    "header": "releases.traffic.sticky_header",
    "api_key": "releases.traffic.sticky_api_key",
    "none": "releases.traffic.sticky_none",
}


def shares_in_words(meaning: Meaning, texts: Texts) -> str:
    """Who gets what, most first: `digits_r1` 88 %, `digits_r2` 12 %; and who gets copies."""
    by_share = sorted(meaning.shares.items(), key=lambda it: -it[1])
    parts = [f"{as_code(release)} {share:.3g} %" for release, share in by_share if share > 0]
    if meaning.shadow is not None:
        parts.append(
            texts(
                "releases.traffic.copies_to",
                percent=f"{meaning.shadow.percent:g}",
                release=as_code(meaning.shadow.release),
            )
        )
    return ", ".join(parts)


def change_in_words(before: Meaning, after: Meaning, texts: Texts) -> list[str]:
    """What will move, in sentences; none where nothing changes."""
    sentences = [
        texts(
            "releases.traffic.move",
            percent=f"{move.percent:g}",
            source=as_code(move.source),
            target=as_code(move.target),
        )
        for move in moves(before.shares, after.shares)
    ]
    if sentences:
        sentences.append(texts(_STICKY.get(after.sticky, "releases.traffic.sticky_none")))
    if before.shadow != after.shadow:
        sentences.append(_shadow_in_words(after, texts))
    return sentences


def _shadow_in_words(after: Meaning, texts: Texts) -> str:
    if after.shadow is None:
        return texts("releases.traffic.shadow_ends")
    return texts(
        "releases.traffic.shadow_begins",
        percent=f"{after.shadow.percent:g}",
        release=as_code(after.shadow.release),
    )
