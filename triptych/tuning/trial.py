"""One trial: a copy of a release with other settings, served alone, asked until it is too slow."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from python_backends.shared.contract import STEP_NAMES
from triptych.client.triton import TritonConnection
from triptych.client.triton_wire import build_item_request
from triptych.engine_configs import CONFIG_FILE
from triptych.errors import CallFailed
from triptych.release import Release
from triptych.stack.solo_triton import solo_triton
from triptych.supervisor.canary import replay_all
from triptych.tuning.closed_loop import Load, closed_loop
from triptych.tuning.knobs import Knob, Setting, apply, read_steps, to_text

CONCURRENCIES: Final = (1, 2, 4, 8, 16, 32, 64)
_WARM_SECONDS: Final = 0.7
_REPLAY_SECONDS: Final = 30.0
_LOOKED_AT: Final = 16  # inputs of one's own; the golden ones are known to be answered
_OVER_IN_A_ROW: Final = 2  # one level may be over the bound by an accident of this machine


@dataclass(frozen=True)
class Trial:
    """What one setting gave under rising load, up to the first level that was too slow."""

    setting: Setting
    levels: tuple[Load, ...]
    failure: str = ""
    """Why it could not be measured."""

    def best(self, p99_ms: float) -> Load | None:
        """The level with most answers of those that keep the bound."""
        kept = [it for it in self.levels if it.p99_ms <= p99_ms and not it.failures]
        return max(kept, key=lambda it: it.per_second, default=None)

    def least_p99_ms(self) -> float:
        """How near it came."""
        return min((it.p99_ms for it in self.levels), default=float("inf"))

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "setting": dict(self.setting),
            "levels": [level.to_json() for level in self.levels],
            "failure": self.failure,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError: something is missing.
            TypeError: something is not what it should be.
        """
        levels = tuple(Load(**level) for level in body["levels"])
        return cls(dict(body["setting"]), levels, body["failure"])


@dataclass(frozen=True)
class Trials:
    """Makes trials of one release.

    Attributes:
        release: Is only read.
        knobs: What can be turned in it.
        items: What is asked, in turn: encoded images or texts.
        p99_ms: The bound.
        level_seconds: How long each level of load is measured.
        on_level: Is told of each level.
    """

    release: Release
    knobs: Mapping[str, Knob]
    items: Sequence[bytes]
    p99_ms: float
    level_seconds: float
    on_level: Callable[[Setting, Load], None]

    def run(self, setting: Setting) -> Trial:
        """Try one setting; what cannot be served with it is a trial, too, that failed."""
        with tempfile.TemporaryDirectory(prefix="triptych-tune-") as folder:
            repository = Path(folder)
            self._write(repository, setting)
            try:
                with solo_triton(repository, [self.release.name]) as connection:
                    answered = replay_all(connection, self.release, timeout_seconds=_REPLAY_SECONDS)
                    reason = answered.reason or self._refusal(connection)
                    if reason:
                        return Trial(setting, (), reason)
                    return Trial(setting, self._climb(setting, connection.address))
            except CallFailed as exc:
                return Trial(setting, (), str(exc))

    def _refusal(self, connection: TritonConnection) -> str | None:
        """Why nothing would be measured: what is refused is answered faster than what is not."""
        name, task = str(self.release.name), self.release.task
        for item in self.items[:_LOOKED_AT]:
            (answer,) = connection.classify(name, task, [item], _REPLAY_SECONDS)
            if not answer.status.is_answered:
                return f"an input is refused: {answer.status.name}"
        return None

    def _write(self, repository: Path, setting: Setting) -> None:
        steps = read_steps(self.release)
        apply(steps, self.knobs, setting)
        for step in STEP_NAMES:
            model = self.release.name.step(step)
            (repository / model).mkdir()
            for entry in (self.release.repository / model).iterdir():
                if entry.name != CONFIG_FILE:
                    (repository / model / entry.name).symlink_to(entry.resolve())
            (repository / model / CONFIG_FILE).write_text(to_text(steps[step]))

    def _climb(self, setting: Setting, address: str) -> tuple[Load, ...]:
        name, task = str(self.release.name), self.release.task
        requests = [build_item_request(name, task, [item]) for item in self.items]
        closed_loop(address, requests, concurrency=8, seconds=_WARM_SECONDS)
        levels: list[Load] = []
        for concurrency in CONCURRENCIES:
            level = closed_loop(
                address, requests, concurrency=concurrency, seconds=self.level_seconds
            )
            levels.append(level)
            self.on_level(setting, level)
            is_over = [it.p99_ms > self.p99_ms for it in levels[-_OVER_IN_A_ROW:]]
            if level.failures or (len(is_over) == _OVER_IN_A_ROW and all(is_over)):
                break
        return tuple(levels)
