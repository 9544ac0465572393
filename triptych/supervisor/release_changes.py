"""Loads and unloads releases while everything else goes on; one change at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from triptych.client.triton import ModelCounts
from triptych.engines import TENSORRT
from triptych.errors import CallFailed, NotRunning, UnloadRefused
from triptych.plans.plan_key import may_have_plan
from triptych.release import Release
from triptych.routing import ReleaseName
from triptych.supervisor.canary_rounds import CanaryRounds
from triptych.supervisor.live_triton import LiveTriton
from triptych.supervisor.quiet_watch import ReleaseWatch
from triptych.supervisor.release_healer import ReleaseHealer
from triptych.supervisor.release_loader import (
    check_moves_no_traffic,
    load_and_prove,
    read_certificate,
    read_from_disk,
    switch_engine,
    unload,
)
from triptych.supervisor.served_set import ServedSet
from triptych.supervisor.server_cycle import ServerCycle
from triptych.supervisor.server_keeper import ServerKeeper
from triptych.supervisor.status import Phase, ReleaseStatus
from triptych.supervisor.stub_processes import find_stubs

logger = logging.getLogger(__name__)

# An unload waits so many times the quiet that it needs.
_PATIENCE: Final = 3
_LOOK_SECONDS: Final = 0.2
# Triton ends the stubs of an unloaded model by itself.
_STUBS_END_SECONDS: Final = 10.0
# A heal may take so long; an unload waits for it, a heal never waits for an unload.
_BUSY_SECONDS: Final = 30.0


class ReleaseChanges:
    """May be called from any thread but the one that acts.

    Args:
        served: What is changed.
        keeper: Holds the server.
        cycle: Sends canaries or not.
        rounds: Those canaries.
        healer: Is told of a release that is gone.
    """

    def __init__(
        self,
        served: ServedSet,
        keeper: ServerKeeper,
        cycle: ServerCycle,
        rounds: CanaryRounds,
        *,
        healer: ReleaseHealer,
    ) -> None:
        self._served = served
        self._board = served.board
        self._settings = served.settings
        self._keeper = keeper
        self._cycle = cycle
        self._rounds = rounds
        self._healer = healer
        self._stopping = threading.Event()
        self._one_at_a_time = threading.Lock()

    def stop(self) -> None:
        """Let nobody wait any more."""
        self._stopping.set()

    def load(self, name: ReleaseName, engine: str | None, *, routes_are_kept: bool) -> None:
        """Serve a release too, once it has proven itself; see `Supervisor.load`."""
        with self._one_at_a_time:
            live, served = self._keeper.serving(), self._served.find(name)
            if served is not None and not self._board.is_excused(str(name)):
                self._change_engine(live, served, engine)
            else:
                release = _on_engine(read_from_disk(self._settings, name), engine)
                others = [it for it in self._served.releases() if it.name != name]
                if not routes_are_kept:
                    check_moves_no_traffic(release, others)
                told = load_and_prove(live, self._settings, release)
                self._keeper.note_new_stubs()
                self._board.show(str(name), told)
                self._served.add(release)
                # Also where the choice is what the release names: nobody is to switch it then.
                chosen = release if engine is None else replace(release, chosen_engine=engine)
                self._served.keep_loaded(chosen)

    def _change_engine(self, live: LiveTriton, served: Release, engine: str | None) -> None:
        if engine is None:
            return
        if engine not in {TENSORRT, served.engine}:
            self._switch(live, served.on_engine(engine))
        elif not may_have_plan(served):  # as it was, or no such engine
            served.on_engine(engine)
            return
        # Chosen, also where it runs on it already: from now on nobody switches it unasked.
        self._served.keep_loaded(replace(served, chosen_engine=engine))

    def switch_unasked(
        self, name: ReleaseName, prepare: Callable[[LiveTriton, Release], Release]
    ) -> None:
        """Have a release that is served run on an engine that nobody chose; the next start forgets.

        Args:
            name: Of the release; one that is not served any more is left alone.
            prepare: Gives the release on that engine.

        Raises:
            CallFailed: Triton cannot load it; nothing has changed.
            LoadRefused: a golden input did not get its golden answer; nothing has changed.
            NotRunning: there is no Triton now, or not the same any more.
        """
        with self._one_at_a_time:
            live, served = self._keeper.serving(), self._served.find(name)
            if served is None or self._served.is_engine_chosen(name):
                raise NotRunning(f"{name} is not there to be switched any more.")
            self._switch(live, prepare(live, served))

    def _switch(self, live: LiveTriton, release: Release) -> None:
        name = str(release.name)
        with self._cycle.without_canaries(name):  # which would judge one engine by the other's
            self._rounds.wait_for(name, self._settings.canary_timeout_seconds + 1.0)
            with self._nobody_acting():
                if self._keeper.serving() is not live:
                    raise NotRunning("Triton was started anew meanwhile; try again.")
                switch_engine(live, release)
                self._served.add(release)
                self._board.note_engine(name, release.engine, live.device(release))
        self._keeper.note_new_stubs()

    def unload(self, name: ReleaseName) -> None:
        """Serve a release no more, once nobody uses it; see `Supervisor.unload`."""
        with self._one_at_a_time:
            if self._board.phase() is Phase.BACKING_OFF:  # who starts it acts all the while
                self._forget_before_the_next_start(name)
                return
            release = self._served.find(name)
            if release is None or self._board.is_excused(str(name)):
                with self._nobody_acting():
                    self._forget(name)
                return
            with self._cycle.without_canaries(str(name)):
                self._rounds.wait_for(str(name), self._settings.canary_timeout_seconds + 1.0)
                self._wait_until_unused(release)
                live = self._take_out(release)
            if live is not None:
                self._wait_for_stubs(live, release)

    def _forget_before_the_next_start(self, name: ReleaseName) -> None:
        """There is no Triton, perhaps because this release ends each one that loads it."""
        self._forget(name)
        if self._board.phase() is not Phase.BACKING_OFF:
            self._board.want_restart(f"{name} was unloaded while Triton was being started")

    def _forget(self, name: ReleaseName) -> None:
        """It is not in Triton; see that it stays so."""
        told = self._board.remove(str(name))
        self._served.discard(name)
        known = told or read_certificate(self._settings, name)
        self._served.keep_unloaded(name, promotable=known.promotable)

    def _wait_until_unused(self, release: Release) -> None:
        needed_seconds = self._settings.unload_quiet_seconds
        deadline = time.monotonic() + _PATIENCE * needed_seconds
        watch, live = ReleaseWatch(release.models()), self._keeper.serving()
        while (quiet_seconds := watch.look(self._counts(live, deadline))) < needed_seconds:
            if time.monotonic() + needed_seconds - quiet_seconds > deadline:
                raise UnloadRefused(
                    f"{release.name} is in use: {watch.inferences} inferences came while it was "
                    f"watched; it is unloaded after {needed_seconds:g} seconds without any."
                )
            self._pause(min(_LOOK_SECONDS, needed_seconds - quiet_seconds))

    def _counts(self, live: LiveTriton, deadline: float) -> Mapping[str, ModelCounts]:
        """What Triton counted; one that is too busy to say is asked again."""
        while True:
            if self._keeper.serving() is not live:
                raise NotRunning("Triton was started anew meanwhile; try again.")
            try:
                return live.counts()
            except CallFailed:
                if time.monotonic() > deadline:
                    raise
            self._pause(_LOOK_SECONDS)

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise NotRunning("The supervisor is ending.")

    def _take_out(self, release: Release) -> LiveTriton | None:
        """Out of the set and out of Triton; the server, unless that has ended meanwhile."""
        with self._nobody_acting():
            live = self._keeper.serving()
            told = self._board.remove(str(release.name))
            self._served.discard(release.name)
            self._healer.forget_release(str(release.name))
        try:
            unload(live, release)
        except CallFailed:
            if self._is_up(live):
                self._put_back(release, told)
                raise
        self._served.keep_unloaded(release.name, promotable=release.promotable)
        logger.info("release %s was unloaded", release.name)
        return live if self._is_up(live) else None  # the next server never has it

    def _is_up(self, live: LiveTriton) -> bool:
        return live is self._keeper.live and self._keeper.exit_code() is None

    def _put_back(self, release: Release, told: ReleaseStatus | None) -> None:
        if told is not None:
            self._board.show(str(release.name), told)
        self._served.add(release)

    @contextmanager
    def _nobody_acting(self) -> Iterator[None]:
        """Between two acts of the supervisor's thread: no heal of the release is under way."""
        if not self._keeper.acting.acquire(timeout=_BUSY_SECONDS):
            raise NotRunning("The supervisor is healing or restarting Triton; try again later.")
        try:
            yield
        finally:
            self._keeper.acting.release()

    def _wait_for_stubs(self, live: LiveTriton, release: Release) -> None:
        """Wait until their memory is free."""
        models = set(release.models())
        deadline = time.monotonic() + _STUBS_END_SECONDS
        while any(it.model in models for it in find_stubs(live.process.child.pid)):
            if time.monotonic() > deadline:
                self._board.want_restart(f"stubs of {release.name} stay after its unload")
                return
            if self._stopping.wait(_LOOK_SECONDS / 4):
                return


def _on_engine(release: Release, engine: str | None) -> Release:
    """A release as somebody wants it; TensorRT is switched to once there is a plan.

    Raises:
        LoadRefused: it has no such engine.
    """
    if engine == TENSORRT and may_have_plan(release):
        return release
    return release.on_engine(engine)
