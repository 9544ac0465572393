"""The gateway as this room sees it: three calls over HTTP, typed answers, typed problems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypedDict, TypeVar
from urllib.parse import quote

import httpx

from ui.api_key import read_api_key
from ui.errors import AnswerNotUnderstood, GatewayDown, GatewayTimedOut, RequestRefused
from ui.gateway_answers import (
    Prediction,
    Readiness,
    Route,
    decode_prediction,
    decode_readiness,
    decode_routes,
)

# Readiness and routes are asked while a person waits for the page, so they may not take long.
QUICK_CALL_SECONDS = 2.0

BodyT = TypeVar("BodyT")
AnswerT = TypeVar("AnswerT")


class Given(Protocol):
    """What a person asks about: EncodedImage and WrittenText are such."""

    @property
    def content_type(self) -> str: ...  # noqa: D102 - said at EncodedImage

    @property
    def data(self) -> bytes: ...  # noqa: D102 - said at EncodedImage


class _ErrorDetail(TypedDict, total=False):
    code: str
    message: str
    request_id: str


class _ErrorBody(TypedDict):
    error: _ErrorDetail


class GatewayClient:
    """Calls one gateway; safe to share between sessions.

    Args:
        base_url: Address of the gateway.
        api_key_file: Where the key lies; read for each call that needs it.
        timeout_seconds: How long one prediction may take.
        transport: What carries the requests; None is the network, tests give their own.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key_file: Path | None,
        timeout_seconds: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api_key_file = api_key_file
        self._predict_timeout = httpx.Timeout(
            timeout_seconds, connect=min(timeout_seconds, QUICK_CALL_SECONDS)
        )
        self._quick_timeout = httpx.Timeout(min(timeout_seconds, QUICK_CALL_SECONDS))
        # The environment's proxies and .netrc are for the world outside, not for our own gateway.
        self._http = httpx.Client(base_url=base_url, transport=transport, trust_env=False)

    def readiness(self) -> Readiness:
        """Ask whether Triton can answer; a gateway that says no has answered too."""
        request = self._http.build_request("GET", "/readyz", timeout=self._quick_timeout)
        response = self._send(request)
        if response.status_code not in {200, 503}:
            raise AnswerNotUnderstood(f"GET /readyz answered {response.status_code}")
        return _decode(response, decode_readiness)

    def routes(self) -> tuple[Route, ...]:
        """Ask which aliases this page's key may use."""
        request = self._http.build_request(
            "GET", "/v1/routes", headers=self._authorisation(), timeout=self._quick_timeout
        )
        return _decode(_accepted(self._send(request)), decode_routes)

    def predict(self, given: Given, *, alias: str, top_k: int) -> Prediction:
        """Ask what a picture or a text is.

        Args:
            given: Sent as it is; the ensemble decodes it.
            alias: Which model to ask, as named by routes().
            top_k: How many labels to answer, 1 or more.

        Raises:
            GatewayProblem: In one of its forms, when there is no answer to show.
        """
        request = self._http.build_request(
            "POST",
            f"/v1/predict/{quote(alias, safe='')}",
            params={"top_k": top_k},
            headers=self._authorisation() | {"Content-Type": given.content_type},
            content=given.data,
            timeout=self._predict_timeout,
        )
        return _decode(_accepted(self._send(request)), decode_prediction)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _authorisation(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {read_api_key(self._api_key_file)}"}

    def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._http.send(request)
        except httpx.ConnectTimeout as exc:
            raise GatewayDown("no connection in time") from exc
        except httpx.TimeoutException as exc:
            raise GatewayTimedOut("no answer in time") from exc
        except httpx.TransportError as exc:
            raise GatewayDown("no connection") from exc
        except httpx.RequestError as exc:
            raise AnswerNotUnderstood("an answer that cannot be read") from exc


def _accepted(response: httpx.Response) -> httpx.Response:
    """Pass a success on; raise RequestRefused for anything else."""
    if response.is_success:
        return response
    try:
        body: _ErrorBody = response.json()
        detail = body["error"]
        raise RequestRefused(
            status=response.status_code,
            code=str(detail.get("code", "")),
            message=str(detail.get("message", "")),
            request_id=detail.get("request_id"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise RequestRefused(
            status=response.status_code, code="", message="", request_id=None
        ) from exc


def _decode(response: httpx.Response, decode: Callable[[BodyT], AnswerT]) -> AnswerT:
    try:
        body: BodyT = response.json()
        return decode(body)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise AnswerNotUnderstood(f"{response.request.url.path} answered another shape") from exc
