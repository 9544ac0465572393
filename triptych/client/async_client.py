"""The gateway for applications with an event loop; the twin of client.py, call by call."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import httpx

from triptych.client.answers import ItemResult, Prediction
from triptych.client.async_jobs import AsyncJobClient
from triptych.client.errors import TriptychClientError
from triptych.client.gateway_http import (
    Ask,
    Patience,
    ask_files,
    ask_image,
    ask_route,
    ask_routes,
    ask_text,
    ask_texts,
    connection_options,
    no_answer,
    read_answer,
)
from triptych.client.predict_calls import (
    Wishes,
    numbered,
    read_batch,
    read_prediction,
    read_routes,
)
from triptych.client.routes import AliasRoute, read_route


class AsyncClient(AsyncJobClient):
    """What `Client` is, to be awaited; an asynchronous context manager.

    Args:
        url: "http://127.0.0.1:8080".
        api_key: Sent with every call.
        timeout_seconds: For a whole call, further tries and pauses with it.
        retries: How many tries may follow the first.
        max_connections: How many are open at once; they are kept for further calls.
        verify: Whose certificates are good; as httpx has it.
        transport: In place of a network, for tests.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_seconds: float = 30.0,
        retries: int = 3,
        max_connections: int = 32,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._http = httpx.AsyncClient(
            **connection_options(url, api_key, timeout_seconds),
            limits=httpx.Limits(max_connections=max_connections),
            verify=verify,
            transport=transport,
        )

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def classify_image(
        self,
        alias: str,
        image: bytes,
        *,
        sticky_key: str | None = None,
        top_k: int | None = None,
        timeout_seconds: float | None = None,
    ) -> Prediction:
        """Classify one image.

        Args:
            alias: "digits"; or a release by its own name, for a key that may.
            image: Its bytes, as a JPEG, PNG or WebP file holds them.
            sticky_key: The same key meets the same release while weights stand.
            top_k: How many classes the answer has; the gateway's default is 5.
            timeout_seconds: In place of the client's.

        Returns:
            The classes, highest score first.

        Raises:
            Refused: the image, the key or an argument is not taken.
            Unavailable: nobody takes calls now.
            TimedOut: there was no answer in time.
            ServerFailed: the answer is none.
            ValueError: the sticky key is none.
        """
        ask = Wishes(sticky_key, top_k).of(ask_image(alias, image))
        return read_prediction(await self._predict(ask, timeout_seconds))

    async def classify_images(
        self,
        alias: str,
        images: Sequence[bytes],
        *,
        sticky_key: str | None = None,
        top_k: int | None = None,
        timeout_seconds: float | None = None,
    ) -> list[ItemResult]:
        """Classify several images in one call.

        Args:
            alias: As of `classify_image`, and so the others.
            images: As many as one call may bring (docs/settings.md, GATEWAY_MAX_ITEMS).
            sticky_key: Of all of them: a call has one arm.
            top_k: How many classes each answer has.
            timeout_seconds: In place of the client's.

        Returns:
            One result for each, in order: a `RefusedItem` in the place of an image that is none.

        Raises:
            TriptychClientError: the whole call failed; the classes of `classify_image`.
            ValueError: the sticky key is none.
        """
        ask = Wishes(sticky_key, top_k).of(ask_files(alias, numbered(images)))
        return read_batch(await self._predict(ask, timeout_seconds), len(images)) if images else []

    async def classify_text(
        self,
        alias: str,
        text: str,
        *,
        sticky_key: str | None = None,
        top_k: int | None = None,
        timeout_seconds: float | None = None,
    ) -> Prediction:
        """Classify one text; arguments, answer and errors are those of `classify_image`.

        Raises:
            TriptychClientError: the call failed.
            ValueError: the sticky key is none.
        """
        ask = Wishes(sticky_key, top_k).of(ask_text(alias, text))
        return read_prediction(await self._predict(ask, timeout_seconds))

    async def classify_texts(
        self,
        alias: str,
        texts: Sequence[str],
        *,
        sticky_key: str | None = None,
        top_k: int | None = None,
        timeout_seconds: float | None = None,
    ) -> list[ItemResult]:
        """Classify several texts in one call, as `classify_images` does with images.

        Raises:
            TriptychClientError: the whole call failed.
            ValueError: the sticky key is none.
        """
        ask = Wishes(sticky_key, top_k).of(ask_texts(alias, texts))
        return read_batch(await self._predict(ask, timeout_seconds), len(texts)) if texts else []

    async def route(self, alias: str) -> AliasRoute:
        """Tell what an alias means now.

        Raises:
            TriptychClientError: there is no such alias, or the gateway does not answer.
        """
        return read_route(await self._send(ask_route(alias)))

    async def routes(self) -> list[AliasRoute]:
        """Tell what every alias means that this key may use.

        Raises:
            TriptychClientError: the gateway refuses, or does not answer.
        """
        return read_routes(await self._send(ask_routes()))

    async def _predict(self, ask: Ask, timeout_seconds: float | None) -> dict[str, Any]:
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        patience = Patience(seconds, self._retries, time.monotonic())
        while True:
            try:
                return await self._send(patience.limited(ask, time.monotonic()))
            except TriptychClientError as error:
                pause = patience.pause_after(error, time.monotonic())
                if pause is None:
                    raise
            await asyncio.sleep(pause)

    async def _send(self, ask: Ask) -> dict[str, Any]:
        try:
            return read_answer(await self._http.request(**ask.for_httpx()))
        except httpx.HTTPError as exc:
            raise no_answer(self._http.base_url, exc) from exc
