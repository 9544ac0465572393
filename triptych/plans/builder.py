"""Build the plan of one release and keep it, or keep why there is none."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from triptych.errors import PlanRefused
from triptych.plans.plan_key import PlanKey
from triptych.plans.plan_store import Entry, Found, PlanStore
from triptych.plans.target import Target
from triptych.plans.trtexec import build_command, run_trtexec
from triptych.release import Release
from triptych.stack.serving_view import check_files

logger = logging.getLogger(__name__)


def build_plan(
    store: PlanStore,
    release: Release,
    key: PlanKey,
    target: Target,
    timeout_seconds: float,
    *,
    is_wanted_anew: bool = False,
    pause: Callable[[float], object] = time.sleep,
) -> Entry:
    """Build it, unless somebody has meanwhile; a failure is kept, too.

    Args:
        store: Where plans are.
        release: Of which one.
        key: Of its plan on this machine.
        target: This machine.
        timeout_seconds: How long trtexec may take.
        is_wanted_anew: Also where one is there, or was refused.
        pause: Waits so many seconds; a true answer gives up.

    Returns:
        What is known of it now; nothing where another one is being built.

    Raises:
        BuildStopped: `pause` gave up.
        ReleaseBroken: the release is not what the key is of; nothing is held against it.
    """
    with store.building() as is_ours:
        if not is_ours:
            return Entry(Found.NOTHING) if is_wanted_anew else store.find(key)
        if is_wanted_anew:
            store.forget(key)
        known = store.find(key)
        if known.found is not Found.NOTHING:
            return known
        with _failures_kept(store, release, key):
            _build(store, release, key, target, timeout_seconds, pause=pause)
        return store.find(key)


@contextlib.contextmanager
def _failures_kept(store: PlanStore, release: Release, key: PlanKey) -> Iterator[None]:
    try:
        yield
    except PlanRefused as exc:
        logger.warning("no plan of %s: %s", release.name, exc)
        store.refuse(key, str(exc))


def _build(
    store: PlanStore,
    release: Release,
    key: PlanKey,
    target: Target,
    timeout_seconds: float,
    *,
    pause: Callable[[float], object],
) -> None:
    part, started = store.part(key), time.monotonic()
    part.unlink(missing_ok=True)
    command = build_command(target.trtexec, onnx_file(release), key, part)
    logger.info("building the plan of %s: %s", release.name, " ".join(command))
    try:
        run_trtexec(command, store.log(key), timeout_seconds, pause)
        if not part.is_file() or not part.stat().st_size:
            raise PlanRefused("trtexec says that all went well, and wrote no plan")
        check_files(release)  # it took minutes, and others may have a plan of that key from here
        seconds = round(time.monotonic() - started, 1)
        facts = {"release": str(release.name), "gpu": target.gpu, "seconds": seconds}
        store.keep(key, part, {**facts, "command": command})
        logger.info("the plan of %s was built in %.0f s", release.name, seconds)
    finally:
        part.unlink(missing_ok=True)


def onnx_file(release: Release) -> Path:
    """The artefact that plans are made from."""
    return (release.model_folder() / "1" / "model.onnx").resolve()
