"""Folders and prefixes that the operator has allowed jobs to be made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from gateway.jobs.job_errors import StorageUnavailable
from gateway.jobs.object_store import in_its_thread, open_store, read_object, store_troubles
from gateway.jobs.payload import ItemReference


class TooManyItems(Exception):
    """The source holds more than one job may."""


class UnusableSource(Exception):
    """The source holds what has no path that could be read."""


class Sources:
    """Lists and reads them.

    Args:
        urls: By name; as GATEWAY_JOB_SOURCES has them.
    """

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._opened: dict[str, Any] = {}

    async def listed(self, source: str, prefix: str, most: int) -> Sequence[ItemReference]:
        """Tell what lies below a prefix, by path; what begins with a dot is left out.

        Raises:
            KeyError: no source has that name any more.
            TooManyItems: there is more than that.
            UnusableSource: what lies there cannot be told by paths.
            StorageUnavailable: nobody can tell now.
        """
        from obstore.exceptions import InvalidPathError  # noqa: PLC0415 - see open_store

        self._check_is_there(source)
        try:
            found = await in_its_thread(partial(_listed, self._store(source), prefix, most))
        except FileNotFoundError:
            return ()
        except InvalidPathError as exc:
            raise UnusableSource(
                f"{source} holds files there whose names are not UTF-8 or have control characters"
            ) from exc
        # Of some prefixes obstore says with a ValueError that they are none.
        except (*store_troubles(), ValueError) as exc:  # type: ignore[misc]  # mypy reads no star here
            raise StorageUnavailable(f"the source {source} cannot be listed now") from exc
        if len(found) > most:
            raise TooManyItems(f"{source} holds more than {most} items there")
        return sorted(found, key=lambda it: it.path)

    async def read(self, source: str, path: str) -> bytes | None:
        """Bring an item; None where it is not there any more.

        Raises:
            KeyError: no source has that name any more.
            StorageUnavailable: nobody can tell now.
        """
        try:
            return await in_its_thread(partial(read_object, self._store(source), path))
        except FileNotFoundError:
            self._check_is_there(source)
            return None
        except store_troubles() as exc:
            raise StorageUnavailable(f"the source {source} cannot be read now") from exc

    def _check_is_there(self, source: str) -> None:
        """A folder that is not mounted looks as if it held nothing.

        Raises:
            StorageUnavailable: there is no such folder.
        """
        url = urlsplit(self._urls[source])
        if url.scheme == "file" and not Path(unquote(url.path)).is_dir():
            raise StorageUnavailable(f"the source {source} is not there now")

    def _store(self, source: str) -> Any:  # noqa: ANN401 - obstore's stores share no class
        if source not in self._opened:
            self._opened[source] = open_store(self._urls[source], is_made=False)
        return self._opened[source]


def _listed(
    store: Any,  # noqa: ANN401 - see open_store
    prefix: str,
    most: int,
) -> list[ItemReference]:
    """What lies there; of more than that, a little more."""
    found: list[ItemReference] = []
    for page in store.list(prefix or None):
        found += [ItemReference(it["path"], it["size"]) for it in page if _is_shown(it)]
        if len(found) > most:
            break
    return found


def _is_shown(found: Mapping[str, Any]) -> bool:
    return not found["path"].rpartition("/")[2].startswith(".")
