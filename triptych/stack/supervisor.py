"""Watch over one Triton: load the desired set, prove it with golden inputs, keep proving it.

It reports and does not heal yet: a dead server stays down, and /status says since when and why.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from triptych.client.triton import TritonConnection
from triptych.errors import CallFailed, StartFailed
from triptych.release import Release
from triptych.routing import first_routes
from triptych.stack.canary import CanaryResult, replay_golden
from triptych.stack.settings import StackSettings
from triptych.stack.supervisor_status import (
    ReleaseState,
    ReleaseStatus,
    SupervisorStatus,
    TritonStatus,
    utc_now,
)
from triptych.stack.triton_process import TritonProcess

logger = logging.getLogger(__name__)


def desired_releases(releases: Sequence[Release]) -> list[Release]:
    """Everything that a route names: until routes can be set, each name's first release."""
    routed = set(first_routes(release.name for release in releases if release.promotable).values())
    return [release for release in releases if release.name in routed]


class Supervisor:
    """Owns one Triton's model control. `watch` runs in a thread of its own; `status` from any."""

    def __init__(
        self, triton: TritonProcess, releases: Sequence[Release], settings: StackSettings
    ) -> None:
        self._triton = triton
        self._settings = settings
        self._desired = desired_releases(releases)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._releases = {str(release.name): _first_status(release) for release in self._desired}
        self._ready, self._since = False, utc_now()
        self._reason: str | None = "Triton is starting"
        self.start_failure: str | None = None  # why the desired set never came up

    def status(self) -> SupervisorStatus:
        """A consistent picture of this moment."""
        addresses = self._triton.addresses
        with self._lock:
            return SupervisorStatus(
                ready=self._ready,
                since=self._since,
                reason=self._reason,
                triton=TritonStatus(
                    addresses.http, addresses.grpc, addresses.metrics, self._triton.child.pid
                ),
                releases=dict(self._releases),
            )

    def stop(self) -> None:
        """End `watch` soon."""
        self._stopping.set()

    def watch(self) -> None:
        """Bring the desired set up, then replay one golden input per release and interval."""
        address, secret = self._triton.addresses.grpc, self._triton.admin_secret
        with TritonConnection(address, secret) as connection:
            try:
                self._wait_until_live(connection)
                for release in self._desired:
                    self._bring_up(connection, release)
            except (CallFailed, StartFailed) as exc:
                self.start_failure = str(exc)
                return
            self._judge()
            self._keep_proving(connection)

    def _wait_until_live(self, connection: TritonConnection) -> None:
        deadline = time.monotonic() + self._settings.start_timeout_seconds
        while not connection.is_live(timeout_seconds=1.0):
            if self._triton.child.exit_code() is not None:
                raise StartFailed(f"Triton ended while starting: {self._triton.child.last_words()}")
            if time.monotonic() > deadline or self._stopping.wait(0.05):
                raise StartFailed("Triton did not answer in time")

    def _bring_up(self, connection: TritonConnection, release: Release) -> None:
        """Load one release and replay all its golden inputs; only then is it ready."""
        connection.load(str(release.name), self._settings.start_timeout_seconds)
        for golden in release.golden:
            result = replay_golden(
                connection,
                release,
                golden,
                timeout_seconds=self._settings.start_timeout_seconds,
            )
            self._record(release, result)
            if result.reason:
                raise StartFailed(f"{release.name}: {result.reason}")

    def _keep_proving(self, connection: TritonConnection) -> None:
        for turn in count():
            if self._stopping.wait(self._settings.canary_interval_seconds):
                return
            exit_code = self._triton.child.exit_code()
            if exit_code is not None:
                self._judge(f"Triton ended by itself with exit code {exit_code}")
                return
            for release in self._desired:
                golden = release.golden[turn % len(release.golden)]
                timeout_seconds = self._settings.canary_timeout_seconds
                result = replay_golden(connection, release, golden, timeout_seconds=timeout_seconds)
                self._record(release, result)
            self._judge()

    def _record(self, release: Release, result: CanaryResult) -> None:
        state = ReleaseState.FAILING if result.reason else ReleaseState.READY
        with self._lock:
            before = self._releases[str(release.name)]
            after = before.moved_to(state, result.reason)
            self._releases[str(release.name)] = replace(
                after, last_canary=utc_now(), canary_ms=round(result.duration_ms, 2)
            )
        if state is not before.state:
            logger.info("release %s is %s %s", release.name, state, result.reason or "")

    def _judge(self, reason: str | None = None) -> None:
        """Say whether all is proven; `reason` is what is wrong with the server itself."""
        with self._lock:
            if reason:
                self._releases = {
                    name: status.moved_to(ReleaseState.FAILING, reason)
                    for name, status in self._releases.items()
                }
            failing = [
                f"{name}: {status.reason}"
                for name, status in self._releases.items()
                if status.state is not ReleaseState.READY
            ]
            self._reason = reason or (failing[0] if failing else None)
            is_ready = self._reason is None
            if is_ready is not self._ready:
                self._ready, self._since = is_ready, utc_now()
                logger.info("ready=%s %s", is_ready, self._reason or "")


def _first_status(release: Release) -> ReleaseStatus:
    return ReleaseStatus(
        alias=release.name.alias,
        number=release.name.number,
        task=release.task,
        promotable=release.promotable,
        max_batch_size=release.max_batch_size,
        top_k=release.top_k,
    )
