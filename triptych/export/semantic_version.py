"""What may stand as a release's semver: Semantic Versioning 2.0.0, for people and their tools."""

from __future__ import annotations

import re
from typing import Final

from triptych.errors import OptionInvalid

_NUMBER: Final = r"(?:0|[1-9]\d*)"
_PRE_RELEASE: Final = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD: Final = r"[0-9a-zA-Z-]+"
# Source: https://semver.org/spec/v2.0.0.html, "suggested regular expression".
_SEMVER: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_PRE_RELEASE}(?:\.{_PRE_RELEASE})*)?"
    rf"(?:\+{_BUILD}(?:\.{_BUILD})*)?",
    re.ASCII,
)


def check_semver(text: str) -> None:
    """See that it is a version.

    Raises:
        OptionInvalid: it is none.
    """
    if not _SEMVER.fullmatch(text):
        raise OptionInvalid(f"{text!r} is no semantic version; one looks like 1.4.0 or 2.0.0-rc.1.")
