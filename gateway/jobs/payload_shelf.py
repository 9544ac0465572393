"""Where the items of jobs lie until they are answered: a folder, or S3-compatible storage."""

from __future__ import annotations

import contextlib
import shutil
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from gateway.errors import StartRefused
from gateway.jobs.job_errors import StorageUnavailable
from gateway.jobs.object_store import in_its_thread, open_store, read_object, store_troubles
from gateway.settings import GatewaySettings

_SCHEMES: Final = ("file:///", "s3://", "gs://", "az://")


class _Opened(NamedTuple):
    """A storage, and what it raises."""

    store: Any
    troubles: tuple[type[Exception], ...]


class PayloadShelf:
    """Keeps one object per chunk.

    Args:
        url: "s3://bucket/prefix", "file:///folder", or another that obstore knows; credentials
            and endpoint come from the environment, as AWS's own tools have them.

    Raises:
        StartRefused: it is no such URL.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(_SCHEMES):
            raise StartRefused(f"jobs cannot be kept at {url}; write {' or '.join(_SCHEMES)}…")
        self._url = url

    @cached_property
    def _opened(self) -> _Opened:
        troubles = store_troubles()
        try:
            return _Opened(open_store(self._url), troubles)
        except (*troubles, ValueError) as exc:  # type: ignore[misc]  # mypy reads no star here
            raise StorageUnavailable(f"the storage of jobs cannot be opened: {exc}") from exc

    @cached_property
    def _folder(self) -> Path:
        return Path(unquote(urlsplit(self._url).path))

    async def put(self, job_id: str, number: int, payload: bytes) -> None:
        """Keep a chunk; one of that number is replaced.

        Raises:
            StorageUnavailable: it cannot be kept.
        """
        opened = self._opened
        try:
            await in_its_thread(partial(opened.store.put, _path(job_id, number), payload))
        except opened.troubles as exc:
            raise StorageUnavailable("the storage of jobs takes nothing now") from exc

    async def get(self, job_id: str, number: int) -> bytes:
        """Bring it back.

        Raises:
            FileNotFoundError: it is not there.
            StorageUnavailable: nobody can tell.
        """
        opened = self._opened
        try:
            return await in_its_thread(partial(read_object, opened.store, _path(job_id, number)))
        except FileNotFoundError:
            raise
        except opened.troubles as exc:
            raise StorageUnavailable("the storage of jobs cannot be read now") from exc

    async def remove(self, job_id: str) -> None:
        """Forget all of a job; none there is fine.

        Raises:
            StorageUnavailable: some may be left.
        """
        opened = self._opened
        try:
            await in_its_thread(partial(_remove_all, opened.store, job_id))
            if self._url.startswith("file:"):
                await in_its_thread(partial(_remove_folder, self._folder / job_id))
        except FileNotFoundError:
            return
        except opened.troubles as exc:
            raise StorageUnavailable("the storage of jobs cannot be cleared now") from exc


def _remove_all(store: Any, prefix: str) -> None:  # noqa: ANN401 - see open_store
    for objects in store.list(prefix):
        store.delete([it["path"] for it in objects])


def _remove_folder(folder: Path) -> None:
    """The folder itself, and what obstore does not list: writes that their process did not survive.

    Raises:
        OSError: some of it may be left.
    """
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _path(job_id: str, number: int) -> str:
    return f"{job_id}/{number:08d}"


def storage_url(settings: GatewaySettings) -> str:
    """Where the settings say; the state folder by default."""
    return settings.job_storage_url or (settings.state_dir / "jobs").absolute().as_uri()
