"""One stack under load for many faults; a fault that nothing recovered from gets it replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.faults.brittle_release import repository_with_a_brittle_step
from tests.faults.fault import Fault, Outcome, Rig, quiet_moment, run_fault
from tests.faults.fault_stack import fault_stack
from tests.faults.leaks import holdings
from tests.faults.load_process import running_load

# A quiet moment need not be ten seconds long where nobody else asks.
_QUICK: Final = {"TRIPTYCH_QUIET_SECONDS": "4"}


class RigKeeper:
    """Starts the stack when it is first needed.

    Args:
        folder: For everything that is written.
        options: Of `triptych up`.
        tritons: How many.
        environment: Makes further variables of each stack.
        prefix: A command that becomes the stack.
        extras: What faults need besides.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        tritons: int = 1,
        environment: Callable[[], Mapping[str, str]] = dict,
        prefix: Sequence[str] = (),
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        self.tritons = tritons
        self._folder = folder
        self._options, self._prefix = options, prefix
        self._environment = environment
        self._extras = dict(extras or {})
        self._held = ExitStack()
        self._rig: Rig | None = None
        self._starts = 0

    def rig(self) -> Rig:
        """The running one, or a new one."""
        if self._rig is None:
            self._starts += 1
            folder = self._folder / f"start-{self._starts}"
            folder.mkdir(parents=True)
            repository = repository_with_a_brittle_step(folder / "models")
            stack = self._held.enter_context(
                fault_stack(
                    folder,
                    repository,
                    *self._options,
                    tritons=self.tritons,
                    environment={**_QUICK, **self._environment()},
                    prefix=self._prefix,
                )
            )
            load = self._held.enter_context(
                running_load(stack.gateway_url, stack.key, repository, folder / "load.log")
            )
            load.wait_for_answers(50)  # the first answers of a start are slow
            self._rig = Rig(stack, load, holdings(stack), self._extras)
        return self._rig

    def run(self, fault: Fault) -> Outcome:
        """Run one fault; a stack that it broke is not used again.

        Raises:
            AssertionError: it was not healed, or something was not as the fault says.
        """
        rig = self.rig()
        try:
            return run_fault(rig, fault)
        except BaseException as exc:  # whatever it was, this stack is not to be used again
            exc.add_note(f"logs: {rig.stack.state_dir / 'logs'}")
            self._discard()
            raise

    def give_back(self) -> list[str]:
        """What is left of everything that the faults so far left behind, after a quiet moment."""
        rig = self.rig()
        return quiet_moment(rig, rig.at_start)

    def _discard(self) -> None:
        self._rig = None
        try:
            self._held.close()
        except AssertionError as exc:
            print(f"while ending a broken stack: {exc}")  # noqa: T201 - the fault itself is raised

    def close(self) -> None:
        """End everything.

        Raises:
            AssertionError: a process was left behind.
        """
        self._rig = None
        self._held.close()
