"""What `triptych up` does once everything runs: see that nothing stays down."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from triptych.stack import services
from triptych.stack.hang_watch import HUNG_SECONDS, HangWatch
from triptych.stack.kept_part import KeptPart
from triptych.stack.log_files import shorten_logs
from triptych.stack.quiet_restarts import QuietRestarts
from triptych.stack.settings import StackSettings
from triptych.stack.stack_file import (
    ProcessEntry,
    ServiceEntry,
    StackFile,
    TritonEntry,
    seconds_at_start,
)
from triptych.stack.supervisor_watch import SupervisorWatch
from triptych.stack.triton_addresses import TritonAddresses

_PAUSE_SECONDS: Final = 0.1
_LOG_LOOK_SECONDS: Final = 10.0


@dataclass
class Parts:
    """The started parts, while they are being started fewer."""

    supervisors: list[KeptPart] = field(default_factory=list)
    gateway: KeptPart | None = None
    worker: KeptPart | None = None
    ui: KeptPart | None = None

    def all(self) -> list[KeptPart]:
        """Every part there is."""
        return [*self.supervisors, *self.callers()]

    def callers(self) -> list[KeptPart]:
        """Those that ask others, outermost first; they are stopped before the Tritons."""
        return [part for part in (self.ui, self.gateway, self.worker) if part]


class Keeper:
    """Starts again what ended, and keeps stack.json true. All of it in the main thread.

    Args:
        settings: Of the stack.
        parts: What runs.
        say: Is told what happened.
    """

    def __init__(self, settings: StackSettings, parts: Parts, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._parts = parts
        self._say = say
        self._tritons = settings.each_triton()
        self._watch = SupervisorWatch(
            [services.supervisor_url(it) for it in self._tritons],
            services.supervisor_headers(settings),
        )
        self._hang_watch = HangWatch()
        self._quiet_restarts = QuietRestarts(self._watch, say)
        self._started = seconds_at_start(os.getpid()) or 0.0
        self._written: StackFile | None = None
        self._trouble: str | None = None
        self._next_log_look = 0.0

    def keep_up(self) -> None:
        """Look again and again; ends only with an exception."""
        self._watch.start()
        while True:
            for part in self._parts.all():
                told = part.look()
                if told:
                    self._say(told)
            self._end_hung_supervisors()
            self._quiet_restarts.look()
            self._write_files()
            time.sleep(_PAUSE_SECONDS)

    def _end_hung_supervisors(self) -> None:
        """One that hangs heals nothing; ended, it is started again like any other part."""
        for index, part in enumerate(self._parts.supervisors):
            pid, has_spoken = part.child.pid, self._watch.said(index) is not None
            if part.is_up and self._hang_watch.hangs(pid, has_spoken=has_spoken):
                self._hang_watch.forget(pid)
                self._say(f"{part.name}'s supervisor has said nothing for {HUNG_SECONDS:.0f} s.")
                part.child.stop(0)

    @property
    def stack(self) -> StackFile:
        """What runs where, as far as is known."""
        gateway, ui, worker = self._parts.gateway, self._parts.ui, self._parts.worker
        assert gateway is not None  # noqa: S101 - a keeper is made when all are started
        return StackFile(
            pid=os.getpid(),
            started=self._started,
            tritons=tuple(map(self._describe, range(len(self._tritons)))),
            gateway=ServiceEntry(
                services.gateway_url(self._settings), gateway.child.pid, gateway.restarts
            ),
            ui=ServiceEntry(services.ui_url(self._settings), ui.child.pid, ui.restarts)
            if ui
            else None,
            worker=ProcessEntry(worker.child.pid, worker.restarts) if worker else None,
        )

    def write_stack_file(self) -> None:
        """Write stack.json, if something in it has changed."""
        stack = self.stack
        if stack != self._written:
            stack.write(self._settings.state_dir)
            self._written = stack

    def _write_files(self) -> None:
        """A full disk is no reason to end what runs; it is told once, and tried again."""
        trouble = None
        try:
            self.write_stack_file()
            if time.monotonic() > self._next_log_look:
                self._next_log_look = time.monotonic() + _LOG_LOOK_SECONDS
                shorten_logs(self._settings.log_dir)
        except OSError as exc:
            trouble = f"The state folder cannot be written: {exc}"
        if trouble and trouble != self._trouble:
            self._say(trouble)
        self._trouble = trouble

    def _describe(self, index: int) -> TritonEntry:
        addresses = TritonAddresses.of(self._tritons[index])
        supervisor = self._parts.supervisors[index]
        return TritonEntry(
            addresses.http,
            addresses.grpc,
            addresses.metrics,
            services.supervisor_url(self._tritons[index]),
            pid=self._watch.triton_pid(index),
            supervisor_pid=supervisor.child.pid,
            restarts=supervisor.restarts,
        )
