"""Watch over one Triton: load the desired set, prove it with golden inputs, keep proving it.

It reports and does not heal yet: a dead server stays down, and /status says since when and why.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from triptych.client.triton import TritonConnection
from triptych.errors import (
    CallFailed,
    LoadRefused,
    NotRunning,
    ReleaseNameInvalid,
    StartFailed,
)
from triptych.release import Release, read_release
from triptych.routing import ReleaseName, first_routes
from triptych.stack.canary import CanaryResult, replay_golden
from triptych.stack.serving_view import check_files, link_models
from triptych.stack.settings import StackSettings
from triptych.stack.supervisor_status import (
    ReleaseState,
    ReleaseStatus,
    SupervisorStatus,
    TritonStatus,
    utc_now,
)
from triptych.stack.triton_process import TritonProcess, wait_until_live

logger = logging.getLogger(__name__)


def desired_releases(releases: Sequence[Release]) -> list[Release]:
    """Everything that a route names: until routes can be set, each name's first release."""
    routed = set(first_routes(release.name for release in releases if release.promotable).values())
    return [release for release in releases if release.name in routed]


class Supervisor:
    """Owns one Triton's model control.

    `watch` runs in a thread of its own; `status` and `load` may be called from any.
    """

    def __init__(
        self, triton: TritonProcess, releases: Sequence[Release], settings: StackSettings
    ) -> None:
        self._triton = triton
        self._settings = settings
        self._desired = tuple(desired_releases(releases))  # replaced as a whole, never changed
        self._stopping = threading.Event()
        self._came_up = threading.Event()
        self._control = threading.Lock()  # held while Triton loads; one load at a time
        self._lock = threading.Lock()  # held for a moment, for what /status says
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
        with self._connect() as connection:
            try:
                timeout_seconds = self._settings.start_timeout_seconds
                wait_until_live(
                    connection, self._triton.child, timeout_seconds, self._stopping.wait
                )
                self._bring_up_desired(connection)
            except (CallFailed, StartFailed) as exc:
                self.start_failure = str(exc)
                return
            self._judge()
            self._came_up.set()
            self._keep_proving(connection)

    def load(self, name: ReleaseName) -> ReleaseStatus:
        """Add a release to what is served, once it has proven itself; it stays until a restart.

        One that is served already is left as it is. A failure changes nothing for the others.

        Raises:
            ReleaseNameInvalid: there is none of that name on disk.
            ReleaseBroken: its files are not what was released.
            CallFailed: Triton cannot load it.
            LoadRefused: a golden input did not get its golden answer, or traffic would move.
            NotRunning: there is no Triton that could load it, or not yet.
        """
        self._check_came_up()
        with self._control:
            if name not in {release.name for release in self._desired}:
                self._add(self._read_from_disk(name))
            return self.status().releases[str(name)]

    def _check_came_up(self) -> None:
        exit_code = self._triton.child.exit_code()
        if exit_code is not None:
            raise NotRunning(_ended(exit_code))
        if not self._came_up.is_set():
            raise NotRunning("Triton is starting; try again once it is ready.")

    def _read_from_disk(self, name: ReleaseName) -> Release:
        repository = self._settings.model_repository
        if not (repository / str(name)).is_dir():
            raise ReleaseNameInvalid(f"There is no release {name} in {repository}.")
        release = read_release(repository, name)
        check_files(release)
        return release

    def _add(self, release: Release) -> None:
        self._check_moves_no_traffic(release)
        view = self._settings.serving_dir
        link_models(view, release.repository, release.models())
        with self._connect() as connection:
            result = self._bring_up(connection, release)
        if result.reason:
            raise LoadRefused(f"{release.name} is not served, because {result.reason}.")
        with self._lock:
            self._releases[str(release.name)] = _after(_first_status(release), result)
            self._desired = (*self._desired, release)
        logger.info("release %s was loaded and is ready", release.name)

    def _check_moves_no_traffic(self, release: Release) -> None:
        """The gateway routes an alias to its lowest number: a lower one would take its place."""
        served = first_routes(it.name for it in self._desired if it.promotable)
        routed = served.get(release.name.alias)
        if routed and release.promotable and release.name < routed:
            raise LoadRefused(
                f"{release.name} would take the traffic of {release.name.alias} from {routed}, "
                "and a load moves none; export it with a higher number."
            )

    def _connect(self) -> TritonConnection:
        return TritonConnection(self._triton.addresses.grpc, self._triton.admin_secret)

    def _bring_up_desired(self, connection: TritonConnection) -> None:
        with self._control:
            for release in self._desired:
                result = self._bring_up(connection, release)
                self._record(release, result)
                if result.reason:
                    raise StartFailed(f"{release.name}: {result.reason}")

    def _bring_up(self, connection: TritonConnection, release: Release) -> CanaryResult:
        """Load one release and replay its golden inputs, all of them or up to the first failure."""
        timeout_seconds = self._settings.start_timeout_seconds
        connection.load(str(release.name), timeout_seconds)
        for golden in release.golden:
            result = replay_golden(connection, release, golden, timeout_seconds=timeout_seconds)
            if result.reason:
                break
        return result

    def _keep_proving(self, connection: TritonConnection) -> None:
        for turn in count():
            if self._stopping.wait(self._settings.canary_interval_seconds):
                return
            exit_code = self._triton.child.exit_code()
            if exit_code is not None:
                self._judge(_ended(exit_code))
                return
            for release in self._desired:
                golden = release.golden[turn % len(release.golden)]
                timeout_seconds = self._settings.canary_timeout_seconds
                result = replay_golden(connection, release, golden, timeout_seconds=timeout_seconds)
                self._record(release, result)
            self._judge()

    def _record(self, release: Release, result: CanaryResult) -> None:
        with self._lock:
            before = self._releases[str(release.name)]
            after = self._releases[str(release.name)] = _after(before, result)
        if after.state is not before.state:
            logger.info("release %s is %s %s", release.name, after.state, result.reason or "")

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


def _after(before: ReleaseStatus, result: CanaryResult) -> ReleaseStatus:
    state = ReleaseState.FAILING if result.reason else ReleaseState.READY
    return replace(
        before.moved_to(state, result.reason),
        last_canary=utc_now(),
        canary_ms=round(result.duration_ms, 2),
    )


def _ended(exit_code: int) -> str:
    return f"Triton ended by itself with exit code {exit_code}"


def _first_status(release: Release) -> ReleaseStatus:
    return ReleaseStatus(
        alias=release.name.alias,
        number=release.name.number,
        task=release.task,
        promotable=release.promotable,
        max_batch_size=release.max_batch_size,
        top_k=release.top_k,
        fingerprint=release.fingerprint,
    )
