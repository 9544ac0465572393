"""Which releases a Triton is to serve now, and after its supervisor's next start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from triptych.engines import TENSORRT
from triptych.errors import TriptychError
from triptych.release import Release
from triptych.routing import ReleaseName
from triptych.stack.settings import StackSettings
from triptych.supervisor.desired_set import DesiredSet
from triptych.supervisor.release_loader import read_from_disk
from triptych.supervisor.status_board import StatusBoard, first_status


class ServedSet:
    """Read by any thread; changed by one at a time.

    Args:
        releases: Served without anybody having loaded them.
        board: Where each is told.
        settings: Of this Triton.
    """

    def __init__(
        self, releases: Sequence[Release], board: StatusBoard, settings: StackSettings
    ) -> None:
        self._releases = tuple(releases)  # replaced as a whole, never changed
        self._excusable: frozenset[ReleaseName] = frozenset()
        self.board = board
        self.settings = settings
        self._on_disk = DesiredSet(settings.desired_file)
        for release in releases:
            board.show(str(release.name), first_status(release))

    def releases(self) -> tuple[Release, ...]:
        """All of them."""
        return self._releases

    def find(self, name: ReleaseName | str) -> Release | None:
        """One of them."""
        return next((it for it in self._releases if str(it.name) == str(name)), None)

    def is_excusable(self, name: ReleaseName) -> bool:
        """Whether it was loaded by hand, and so may fail at a start."""
        return name in self._excusable

    def add(self, release: Release) -> None:
        """Serve one more from now on."""
        self._releases = (*(it for it in self._releases if it.name != release.name), release)

    def discard(self, name: ReleaseName) -> None:
        """Serve it no more."""
        self._releases = tuple(it for it in self._releases if it.name != name)

    def is_engine_chosen(self, name: ReleaseName) -> bool:
        """Whether somebody chose its engine; one that was switched to unasked is none."""
        kept = self._on_disk.read().loaded.get(name)
        return kept is not None and kept.engine is not None

    def keep_loaded(self, release: Release) -> None:
        """Somebody loaded it, perhaps on an engine: remember that over restarts.

        TensorRT is no such engine: that is what the supervisor chooses where nobody else does.
        """
        is_left_to_us = release.chosen_engine == TENSORRT
        self._on_disk.add(replace(release, chosen_engine=None) if is_left_to_us else release)
        self._excusable |= {release.name}

    def keep_unloaded(self, name: ReleaseName, *, promotable: bool) -> None:
        """Somebody unloaded it: remember that over restarts."""
        self._on_disk.remove(name, promotable=promotable)
        self._excusable -= {name}

    def bring_back_loaded(self) -> None:
        """Want again what was loaded by hand; what is gone or broken is told, and keeps no one."""
        kept = self._on_disk.read().loaded
        self._excusable = frozenset(kept)
        for name in kept.keys() - {release.name for release in self._releases}:
            try:
                release = read_from_disk(self.settings, name).on_engine(kept[name].engine)
            except TriptychError as exc:
                self.board.show(str(name), kept[name].to_status(name))
                self.board.excuse(str(name), str(exc))
            else:
                self.board.show(str(name), first_status(release))
                self.add(release)
