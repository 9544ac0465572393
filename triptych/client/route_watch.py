"""Knows what an alias means now, by asking the gateway again and again in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from copy import copy
from types import TracebackType
from typing import Final

import httpx

from triptych.client.errors import Refused, TriptychClientError
from triptych.client.gateway_http import ask_route, no_answer, read_answer
from triptych.client.routes import AliasRoute, read_route

logger = logging.getLogger(__name__)

# Every gateway knows a change within one second, and direct clients are to follow within two.
_POLL_SECONDS: Final = 0.5
_NOT_MODIFIED: Final = 304
# Such a refusal is about the key. Any other (a gateway that starts knows no alias yet) may pass.
_KEY_IS_NO_GOOD: Final = frozenset({401, 403})


class RouteWatch:
    """The route of one alias; a context manager.

    While the gateway is away, or does not know the alias, the last route stands.

    Args:
        http: A connection to the gateway; it stays the caller's.
        alias: Whose route.
        poll_seconds: How often to ask.

    Raises:
        TriptychClientError: the first answer is none.
    """

    def __init__(self, http: httpx.Client, alias: str, poll_seconds: float = _POLL_SECONDS) -> None:
        self._http = http
        self._alias = alias
        self._poll_seconds = poll_seconds
        self._asking = threading.Lock()
        self._is_closed = threading.Event()
        self._etag: str | None = None
        self._refusal: TriptychClientError | None = None
        self._heard_at = 0.0
        self._trouble = ""
        self._known = self._ask(None)
        self._thread = threading.Thread(target=self._poll, name=f"route of {alias}", daemon=True)
        self._thread.start()

    def __enter__(self) -> RouteWatch:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ask no more."""
        self._is_closed.set()
        self._thread.join()

    @property
    def age_seconds(self) -> float:
        """How long ago the gateway last confirmed the route."""
        return time.monotonic() - self._heard_at

    def current(self) -> AliasRoute:
        """What the alias means, as far as is known.

        The same object comes as long as nothing has changed.

        Raises:
            Refused: the gateway no longer lets this key ask.
        """
        if self._refusal is not None:
            raise copy(self._refusal)  # one that is raised again and again grows by its tracebacks
        return self._known

    def refresh(self) -> None:
        """Ask now; whatever the answer is, nothing is raised."""
        with self._asking:
            try:
                self._known = self._ask(self._known)
                self._refusal, self._trouble = None, ""
            except TriptychClientError as exc:
                is_about_key = isinstance(exc, Refused) and exc.status in _KEY_IS_NO_GOOD
                self._refusal = exc if is_about_key else None
                if str(exc) != self._trouble:
                    logger.warning("no news of the route of %s: %s", self._alias, exc)
                self._trouble = str(exc)

    def _poll(self) -> None:
        while not self._is_closed.wait(self._poll_seconds):
            self.refresh()

    def _ask(self, known: AliasRoute | None) -> AliasRoute:
        try:
            response = self._http.request(**ask_route(self._alias, self._etag).for_httpx())
        except httpx.HTTPError as exc:
            raise no_answer(self._http.base_url, exc) from exc
        if known is None or response.status_code != _NOT_MODIFIED:
            said = read_route(read_answer(response))
            self._etag = response.headers.get("ETag")
            # An older gateway has no ETag, and says the same again and again.
            known = known if said == known else said
        self._heard_at = time.monotonic()
        return known
