"""Results that come in several goes: connections break, jobs go on, nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator

from triptych.client.errors import TriptychClientError, Unavailable
from triptych.client.gateway_http import Ask
from triptych.client.job_answers import ResultLines
from triptych.client.job_calls import Endurance, ask_results, id_of, may_pass
from triptych.client.jobs import Job, JobResult, ResultForm


class Reading:
    """Reads the results of one job until there are all that are wanted.

    Args:
        job: Whose.
        patience_seconds: How long the gateway may bring nothing new while it could.
        follow: Whether to go on until the job has ended.
    """

    def __init__(self, job: Job | str, patience_seconds: float, *, follow: bool) -> None:
        self._job = job
        self._patience_seconds = patience_seconds
        self._follow = follow
        self._endurance = Endurance(patience_seconds)
        self._lines = ResultLines()
        self._before = 0
        self._error: TriptychClientError | None = None

    def begin(self) -> Ask:
        """Say what is to be asked for now."""
        self._before, self._error = self._lines.count, None
        self._lines.begin()
        return ask_results(self._job, follow=self._follow)

    def feed(self, piece: bytes) -> Iterator[JobResult]:
        """Give out what is new in a piece.

        Raises:
            ServerFailed: a line makes no sense.
        """
        return self._lines.feed(piece)

    def note(self, error: TriptychClientError) -> None:
        """Hear that the answer broke off.

        Raises:
            TriptychClientError: the error, if it comes again.
        """
        if not may_pass(error):
            raise error
        self._error = error

    def has_news(self, found: Job) -> bool:
        """Whether the job, as it stands now, has more than was read; or will never have."""
        return not self._follow or found.has_ended or found.done > self._lines.count

    def is_over(self, found: Job) -> bool:
        """Whether there is nothing more to read of the job, as it stands now."""
        if found.has_ended:
            return self._lines.count >= found.done
        return not self._follow and self._error is None

    def pause(self, now: float) -> float:
        """How many seconds to wait before the next answer is asked for.

        Raises:
            TriptychClientError: nothing new came for too long.
        """
        if self._lines.count > self._before:
            self._endurance = Endurance(self._patience_seconds)
        error = self._error or cut_short(self._job)
        pause = self._endurance.pause_after(error, now)
        if pause is None:
            raise error
        return pause


class ResultCount:
    """How many results there are in the pieces of a file.

    Args:
        form: What is written.
    """

    def __init__(self, form: ResultForm) -> None:
        self._is_table = form == "csv"
        self._is_quoted = False
        self._lines = 0

    @property
    def count(self) -> int:
        """So many; the headline of a table is none."""
        return max(0, self._lines - self._is_table)

    def feed(self, piece: bytes) -> None:
        """Count on."""
        if not self._is_table:
            self._lines += piece.count(b"\n")
            return
        # A name may hold the end of a line, between quotation marks.
        for number, part in enumerate(piece.split(b'"')):
            self._is_quoted ^= number > 0
            self._lines += 0 if self._is_quoted else part.count(b"\n")

    def check(self, job: Job) -> None:
        """See that nothing is missing.

        Raises:
            Unavailable: the job has ended, and had more.
        """
        if job.has_ended and self.count < job.done:
            raise cut_short(job)


def cut_short(job: Job | str) -> Unavailable:
    """Say that an answer ended before its end; a proxy may hide that a connection broke."""
    return Unavailable(f"the results of job {id_of(job)} came to an end before they were whole")
