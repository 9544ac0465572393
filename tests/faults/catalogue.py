"""Every fault: which of them one Triton, which of them two have to bear."""

from __future__ import annotations

from typing import Final

from tests.faults.faults_of_input import INPUT_FAULTS
from tests.faults.faults_of_machine import MACHINE_FAULTS
from tests.faults.faults_of_servers import (
    GATEWAY_KILLED,
    GATEWAY_RESTART,
    ROLLING_RESTART,
    SERVER_FAULTS,
    SUPERVISOR_FAULTS,
    UI_KILLED,
)
from tests.faults.faults_of_stores import POSTGRES_FAULTS, REDIS_FAULTS, SQLITE_FAULTS
from tests.faults.faults_of_stubs import DEAD_STUBS, HUNG_STUBS

GARBAGE: Final = "Triton answers garbage"

_EITHER: Final = (
    *DEAD_STUBS,
    *HUNG_STUBS,
    *SERVER_FAULTS,
    *SUPERVISOR_FAULTS,
    ROLLING_RESTART,
    GATEWAY_RESTART,
    GATEWAY_KILLED,
    *INPUT_FAULTS,
)
WITH_ONE: Final = (*_EITHER, UI_KILLED, *SQLITE_FAULTS)
WITH_TWO: Final = (*_EITHER, *POSTGRES_FAULTS, *REDIS_FAULTS)

ORDER: Final = [
    *(fault.name for fault in _EITHER),
    GARBAGE,
    *(fault.name for fault in (*SQLITE_FAULTS, *POSTGRES_FAULTS, *REDIS_FAULTS)),
    *(fault.name for fault in MACHINE_FAULTS),
    UI_KILLED.name,
]
