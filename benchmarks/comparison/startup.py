"""How long `triptych up` takes to its first right answer, and what memory the stack then has."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.comparison.http_client import RAW, HttpClient, make_requests
from benchmarks.comparison.load import run_clients
from benchmarks.comparison.pictures_on_disk import Pictures
from benchmarks.comparison.process_memory import memory_of_tree, shared_memory_bytes
from benchmarks.local_stack import LocalStack, local_stack

_PROJECT: Final = Path(__file__).resolve().parents[2]
_ALIAS: Final = "digits"
_CLIENTS: Final = 16
_LOAD_SECONDS: Final = 4.0
WARM_TARGET_SECONDS: Final = 6.0
MEMORY_TARGET_MB: Final = 600


@dataclass(frozen=True)
class Start:
    """One start of digits with the gateway, without the UI."""

    kind: str
    """cold: no file of the project or its environment is in the page cache; warm: all are."""
    seconds: float
    """From the command to the end of `up --detach`, which waits for a right answer."""


@dataclass(frozen=True)
class Footprint:
    """What the running stack holds, when it has just started and after load; bytes."""

    moment: str
    processes: tuple[dict[str, Any], ...]
    pss_bytes: int
    rss_bytes: int
    """The sum over processes; pages that several map are counted in each."""
    shared_memory_bytes: int


def measure_starts(
    scratch: Path, pictures: Pictures, kinds: Sequence[str], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Start the stack cold or warm, one after the other, and look at the memory of the last."""
    repository = scratch / "digits"
    for model in (_PROJECT / "model_repository").glob(f"{_ALIAS}_r1*"):
        shutil.copytree(model, repository / model.name)
    starts: list[Start] = []
    footprints: list[Footprint] = []
    for number, kind in enumerate(kinds):
        if kind == "cold":
            _forget_files(repository)
        started = time.perf_counter()
        with local_stack(scratch / f"state-{number}", repository, "--no-ui") as stack:
            starts.append(Start(kind, round(time.perf_counter() - started, 2)))
            tell(f"{kind} start: {starts[-1].seconds:.1f} s")
            if number == len(kinds) - 1:
                footprints = _footprints(stack, pictures)
    return {"starts": list(map(asdict, starts)), "footprints": list(map(asdict, footprints))}


def _forget_files(repository: Path) -> None:
    """Drop the project's clean pages from the page cache, and nobody else's."""
    for folder in (Path(sys.prefix), _PROJECT / "triptych", _PROJECT / "gateway", repository):
        for file in folder.resolve().rglob("*"):
            if file.is_file() and not file.is_symlink():
                with file.open("rb") as stream:
                    os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _footprints(stack: LocalStack, pictures: Pictures) -> list[Footprint]:
    stack.wait_for_worker()
    fresh = _footprint("just started", stack)
    asyncio.run(_load(stack, pictures.batches(1)))
    return [fresh, _footprint(f"after {_LOAD_SECONDS:g} s of {_CLIENTS} clients", stack)]


async def _load(stack: LocalStack, batches: Sequence[Sequence[bytes]]) -> None:
    requests = make_requests(RAW, _ALIAS, stack.admin_key, batches)
    address = urlsplit(stack.gateway_url).netloc
    clients = [HttpClient(address, requests, RAW) for _ in range(_CLIENTS)]
    try:
        await run_clients(clients, _LOAD_SECONDS)
    finally:
        await asyncio.gather(*(client.close() for client in clients))


def _footprint(moment: str, stack: LocalStack) -> Footprint:
    root = int(stack.description["pid"])
    processes = memory_of_tree(root)
    return Footprint(
        moment=moment,
        processes=tuple(map(asdict, processes)),
        pss_bytes=sum(process.pss_bytes for process in processes),
        rss_bytes=sum(process.rss_bytes for process in processes),
        shared_memory_bytes=shared_memory_bytes(root),
    )
