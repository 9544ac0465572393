"""What lies on disk and what the loaded releases weigh: asked now and then, and read anew then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container
from pathlib import Path

from triptych.release import Release
from triptych.releases.catalogue import read_catalogue
from triptych.routing import ReleaseName
from triptych.supervisor.live_triton import STEPS
from triptych.supervisor.release_card import tell_card
from triptych.supervisor.status import SupervisorStatus
from triptych.supervisor.stub_processes import find_stubs, resident_bytes


class Shelf:
    """The releases on disk, as they are told to whoever asks.

    Args:
        repository: Where they lie.
        loaded: Tells the names of those that are in Triton's memory.
    """

    def __init__(self, repository: Path, loaded: Callable[[], Container[str]]) -> None:
        self._repository = repository
        self._loaded = loaded

    def all(self) -> dict[str, object]:
        """What lies there now, JSON-able; as in `tell_repository`."""
        return tell_repository(self._repository, self._loaded())

    def card(self, name: ReleaseName) -> dict[str, object]:
        """Everything that one of them says of itself; as in `tell_card`."""
        return tell_card(self._repository, name)


def tell_repository(repository: Path, loaded: Container[str]) -> dict[str, object]:
    """Every release on disk; files are only looked for, hashes are those of release.json.

    Args:
        repository: The releases.
        loaded: The names of those that are in Triton's memory.

    Raises:
        ReleaseBroken: there is no such repository.
    """
    catalogue = read_catalogue(repository)
    broken = {str(name): why for name, why in catalogue.broken.items()}
    whole: dict[str, object] = {}
    for release in catalogue.releases:
        missing = release.missing_files()
        if missing:
            broken[str(release.name)] = f"{release.name} is incomplete: {missing[0]} is missing."
        else:
            whole[str(release.name)] = _entry(release, loaded)
    return {"releases": whole, "broken": broken}


def _entry(release: Release, loaded: Container[str]) -> dict[str, object]:
    return {
        "alias": release.name.alias,
        "number": release.name.number,
        "task": release.task,
        "promotable": release.promotable,
        "created": release.certificate.created,
        "semver": release.certificate.semver,
        "model_sha256": release.model_sha256(),
        "size_bytes": release.size_bytes(),
        "loaded": str(release.name) in loaded,
    }


def memory_bytes(status: SupervisorStatus) -> dict[str, int | None]:
    """What the processes of each release's steps hold, with all that they have started.

    None where a step has no process of its own: it runs inside tritonserver, or is being healed.
    """
    by_model: dict[str, int] = defaultdict(int)
    for stub in find_stubs(status.triton.pid) if status.triton.pid else ():
        by_model[stub.model] += resident_bytes(stub.pid)
    return {name: _sum_of_steps(name, by_model) for name in status.releases}


def _sum_of_steps(name: str, by_model: dict[str, int]) -> int | None:
    release = ReleaseName.parse(name)
    models = [release.step(step) for step in STEPS] if release else []
    if not all(model in by_model for model in models):
        return None
    return sum(by_model[model] for model in models)
