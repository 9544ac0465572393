"""Puts the fake of Triton's module where triton_io, and nothing else, imports the real one."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest

from tests.fakes import fake_pb_utils

# Before any test module is imported, so that each of them imports its backend at the top as usual.
sys.modules["triton_python_backend_utils"] = fake_pb_utils


@pytest.fixture
def triton_log() -> Iterator[list[fake_pb_utils.LogLine]]:
    """What a test's model writes to Triton's log.

    Loading a model sends Python's root logger there, as in a stub; afterwards it is as before.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    fake_pb_utils.Logger.lines.clear()
    yield fake_pb_utils.Logger.lines
    root.handlers[:] = handlers
    root.setLevel(level)
