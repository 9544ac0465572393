"""Jobs, one call after another; async_jobs.py is the twin."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, Unpack

import httpx

from triptych.client.errors import TriptychClientError
from triptych.client.gateway_http import Ask, check_status, no_answer, read_answer
from triptych.client.job_answers import read_job, read_jobs
from triptych.client.job_calls import (
    PATIENCE_SECONDS,
    SUBMIT_TIMEOUT,
    Endurance,
    JobWishes,
    Pauses,
    ask_cancel,
    ask_job,
    ask_jobs,
    ask_results,
    not_in_time,
)
from triptych.client.job_items import GivenItems, JobItems, OnSent, body_of
from triptych.client.jobs import Job, JobResult, ResultForm
from triptych.client.kept_results import written_whole
from triptych.client.result_reading import Reading, ResultCount

_Answer = TypeVar("_Answer")


class JobClient:
    """What `Client` does with jobs.

    Every call is sent again while the gateway is away, because it starts anew: for
    `patience_seconds` from the first failure on.
    """

    _http: httpx.Client

    def submit(
        self,
        alias: str,
        *,
        top_k: int | None = None,
        webhook: str | None = None,
        idempotency_key: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        on_sent: OnSent | None = None,
        **items: Unpack[GivenItems],
    ) -> Job:
        """Make a job; the gateway has all items when this returns.

        Args:
            alias: "digits"; or a release by its own name, for a key that may.
            top_k: Labels per item; None: as many as a prediction has.
            webhook: Whom to tell when the job has ended.
            idempotency_key: Under one key there is one job; None: a new one for this call.
            patience_seconds: Texts that can be gone through only once are sent only once.
            on_sent: Is told of the bytes that were handed over.
            items: folder=, files=, texts=, archive= or source=; see `GivenItems`.

        Raises:
            TriptychClientError: it is refused, or the call failed.
            ValueError: not one of the five is given, or there is no file in it.
            OSError: a file cannot be read.
        """
        body = body_of(items)
        wishes = JobWishes(top_k=top_k, webhook=webhook, idempotency_key=idempotency_key)
        ask = wishes.ask(alias, body)
        patience = patience_seconds if body.is_repeatable else 0.0
        return read_job(_enduring(lambda: self._give(ask, body, on_sent), patience))

    def job(self, job: Job | str, *, patience_seconds: float = PATIENCE_SECONDS) -> Job:
        """Tell how a job stands now.

        Raises:
            TriptychClientError: this key may see no such job, or the call failed.
        """
        return read_job(_enduring(lambda: self._tell(ask_job(job)), patience_seconds))

    def jobs(self, limit: int = 50, *, patience_seconds: float = PATIENCE_SECONDS) -> list[Job]:
        """Tell of the newest jobs of this key's tenant, the newest first.

        Raises:
            TriptychClientError: the call failed.
        """
        return read_jobs(_enduring(lambda: self._tell(ask_jobs(limit)), patience_seconds))

    def cancel(self, job: Job | str, *, patience_seconds: float = PATIENCE_SECONDS) -> Job:
        """End a job; what is answered by now stays, and one that has ended stays as it is.

        Raises:
            TriptychClientError: this key may see no such job, or the call failed.
        """
        return read_job(_enduring(lambda: self._tell(ask_cancel(job)), patience_seconds))

    def wait(
        self,
        job: Job | str,
        timeout_seconds: float | None = None,
        on_progress: Callable[[Job], None] | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Job:
        """Wait for a job's end; its `state` tells which one it was.

        Args:
            job: Which.
            timeout_seconds: For how long; None: however long it takes.
            on_progress: Is called with the job now, and whenever it is another than it was.
            patience_seconds: For how long the gateway may be away.

        Raises:
            TimedOut: it has not ended in that time; it goes on.
            TriptychClientError: this key may see no such job, or the call failed.
        """
        deadline = math.inf if timeout_seconds is None else time.monotonic() + timeout_seconds
        pauses, before = Pauses(), None
        while True:
            found = self.job(
                job, patience_seconds=min(patience_seconds, deadline - time.monotonic())
            )
            if on_progress and found != before:
                on_progress(found)
            if found.has_ended:
                return found
            before, pause = found, pauses.next()
            if time.monotonic() + pause > deadline:
                raise not_in_time(found)
            time.sleep(pause)

    def stream(
        self, job: Job | str, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> Iterator[JobResult]:
        """Give each result as soon as it is recorded, until the job has ended.

        They come in the order in which they are recorded, each index once, however often the
        connection breaks. Of a job that failed or was cancelled, there are fewer than items.

        Raises:
            TriptychClientError: this key may see no such job, or the call failed.
        """
        return self._read(job, Reading(job, patience_seconds, follow=True), patience_seconds)

    def results(
        self, job: Job | str, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> Iterator[JobResult]:
        """Give what is recorded by now, in the order of the items.

        Raises:
            TriptychClientError: this key may see no such job, or the call failed.
        """
        return self._read(job, Reading(job, patience_seconds, follow=False), patience_seconds)

    def save_results(
        self,
        job: Job | str,
        path: Path | str,
        form: ResultForm = "csv",
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Write what is recorded by now into a file, in the order of the items.

        The file is there when it is whole: until then it lies beside under another name.

        Raises:
            TriptychClientError: this key may see no such job, or the call failed.
            OSError: the file cannot be written.
        """

        def fetch() -> None:
            results = ResultCount(form)
            with written_whole(Path(path)) as file:
                for piece in self._pieces(ask_results(job, form=form)):
                    file.write(piece)
                    results.feed(piece)
                results.check(self.job(job, patience_seconds=patience_seconds))

        _enduring(fetch, patience_seconds)

    def _read(self, job: Job | str, reading: Reading, patience: float) -> Iterator[JobResult]:
        while True:
            try:
                for piece in self._pieces(reading.begin()):
                    yield from reading.feed(piece)
            except TriptychClientError as exc:
                reading.note(exc)
            found = self._news(job, reading, patience)
            if reading.is_over(found):
                return
            time.sleep(reading.pause(time.monotonic()))

    def _news(self, job: Job | str, reading: Reading, patience: float) -> Job:
        pauses = Pauses()
        while True:
            found = self.job(job, patience_seconds=patience)
            if reading.has_news(found):
                return found
            time.sleep(pauses.next())

    def _give(self, ask: Ask, body: JobItems, on_sent: OnSent | None) -> dict[str, Any]:
        content = body.watched(on_sent)
        sent = {**ask.for_httpx(), "content": content, "timeout": SUBMIT_TIMEOUT}
        try:
            return read_answer(self._http.request(**sent))
        except httpx.HTTPError as exc:
            raise no_answer(self._http.base_url, exc) from exc

    def _tell(self, ask: Ask) -> dict[str, Any]:
        try:
            return read_answer(self._http.request(**ask.for_httpx()))
        except httpx.HTTPError as exc:
            raise no_answer(self._http.base_url, exc) from exc

    def _pieces(self, ask: Ask) -> Iterator[bytes]:
        try:
            with self._http.stream(**ask.for_httpx()) as response:
                if not response.is_success:
                    response.read()
                check_status(response)
                yield from response.iter_bytes()
        except httpx.HTTPError as exc:
            raise no_answer(self._http.base_url, exc) from exc


def _enduring(call: Callable[[], _Answer], patience_seconds: float) -> _Answer:
    endurance = Endurance(patience_seconds)
    while True:
        try:
            return call()
        except TriptychClientError as error:
            pause = endurance.pause_after(error, time.monotonic())
            if pause is None:
                raise
        time.sleep(pause)
