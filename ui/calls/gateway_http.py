"""HTTP to one gateway with one API key: typed answers, typed problems."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypedDict, TypeVar

import httpx

from ui.calls.strict_json import OTHER_SHAPE, read_json
from ui.errors import AnswerNotUnderstood, GatewayDown, GatewayTimedOut, RequestRefused

# What is asked while a person waits for the page to appear may not take long.
QUICK_CALL_SECONDS = 2.0

BodyT = TypeVar("BodyT")
AnswerT = TypeVar("AnswerT")
QueryValue = str | int | float | bool


class _ErrorDetail(TypedDict, total=False):
    code: str
    message: str
    request_id: str


class _ErrorBody(TypedDict):
    error: _ErrorDetail


@dataclass(frozen=True)
class Body:
    """What a request carries.

    Attributes:
        content: The bytes; kept out of repr so that they never reach a log.
        content_type: Their media type.
    """

    content: bytes = field(repr=False)
    content_type: str

    @classmethod
    def of_json(cls, value: Mapping[str, object]) -> Body:
        """An object as JSON."""
        return cls(json.dumps(value).encode(), "application/json")


@dataclass(frozen=True)
class Form:
    """Files in one request, as multipart/form-data.

    Attributes:
        files: Names, bytes and media types; kept out of repr as in Body.
    """

    files: tuple[tuple[str, bytes, str], ...] = field(repr=False)


def open_http(base_url: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Open the connections that all sessions share.

    Args:
        base_url: Address of the gateway.
        transport: What carries the requests; None is the network, tests give their own.
    """
    # The environment's proxies and .netrc are for the world outside, not for our own gateway.
    return httpx.Client(base_url=base_url, transport=transport, trust_env=False)


class Caller:
    """Asks one gateway on behalf of one key; safe to share between threads.

    Args:
        http: The connections.
        key: Tells the API key, for each request anew; raises GatewayProblem when there is none.
        patience_seconds: How long a call may take that a person asked for.
    """

    def __init__(
        self, http: httpx.Client, *, key: Callable[[], str], patience_seconds: float
    ) -> None:
        self._http = http
        self._key = key
        quick = min(patience_seconds, QUICK_CALL_SECONDS)
        self._quick = httpx.Timeout(quick)
        self._patient = httpx.Timeout(patience_seconds, connect=quick)

    def look(
        self,
        path: str,
        decode: Callable[[BodyT], AnswerT],
        *,
        query: Mapping[str, QueryValue] | None = None,
        statuses: frozenset[int] = frozenset(),
        is_quick: bool = True,
    ) -> AnswerT:
        """GET something.

        Args:
            path: From the gateway's root; names within it quoted by the caller.
            decode: Makes the answer of the JSON; its KeyError, TypeError and ValueError mean
                that the body has another shape.
            query: Parameters behind the path.
            statuses: Besides 2xx, those whose body is an answer, too.
            is_quick: Whether a person waits for the page meanwhile.

        Raises:
            GatewayProblem: In one of its forms, when there is no answer to show.
        """
        request = self._request("GET", path, query, None, is_quick=is_quick)
        response = send(self._http, request)
        if response.status_code not in statuses:
            response = _accepted(response)
        return decoded(response, decode)

    def tell(
        self,
        method: str,
        path: str,
        decode: Callable[[BodyT], AnswerT],
        *,
        query: Mapping[str, QueryValue] | None = None,
        body: Body | None = None,
        if_match: str | None = None,
        patience_seconds: float | None = None,
    ) -> AnswerT:
        """POST, PUT, PATCH or DELETE something that a person asked for; as in `look`.

        Args:
            method: What to do.
            path: As in `look`.
            decode: As in `look`.
            query: As in `look`.
            body: What goes along.
            if_match: The ETag of what the person saw; 412 where it is not so any more.
            patience_seconds: In place of the usual patience, for what takes long.
        """
        response = self.fetch(
            method,
            path,
            query=query,
            body=body,
            headers={"If-Match": if_match} if if_match is not None else None,
            patience_seconds=patience_seconds,
        )
        return decoded(response, decode)

    def fetch(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None = None,
        body: Body | Form | None = None,
        headers: Mapping[str, str] | None = None,
        patience_seconds: float | None = None,
        most_bytes: int | None = None,
    ) -> httpx.Response:
        """The same for an answer that is more than JSON: the response, once it succeeds.

        Where `most_bytes` is given, the rest of a longer body is not waited for.
        """
        request = self._request(method, path, query, body, is_quick=False)
        request.headers.update(headers or {})
        if patience_seconds is not None:
            request.extensions["timeout"] = httpx.Timeout(
                patience_seconds, connect=QUICK_CALL_SECONDS
            ).as_dict()
        return _accepted(send(self._http, request, most_bytes=most_bytes))

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, QueryValue] | None,
        body: Body | Form | None,
        *,
        is_quick: bool,
    ) -> httpx.Request:
        headers = {"Authorization": f"Bearer {self._key()}"}
        if isinstance(body, Body):
            headers["Content-Type"] = body.content_type
        return self._http.build_request(
            method,
            path,
            params=query,
            headers=headers,
            content=body.content if isinstance(body, Body) else None,
            files=[("files", file) for file in body.files] if isinstance(body, Form) else None,
            timeout=self._quick if is_quick else self._patient,
        )


def look_without_key(
    http: httpx.Client,
    path: str,
    decode: Callable[[BodyT], AnswerT],
    *,
    seconds: float,
    statuses: frozenset[int],
) -> AnswerT:
    """GET what the gateway tells everybody; as in `Caller.look`."""
    request = http.build_request("GET", path, timeout=min(seconds, QUICK_CALL_SECONDS))
    response = send(http, request)
    if response.status_code not in statuses:
        raise AnswerNotUnderstood(f"GET {path} answered {response.status_code}")
    return decoded(response, decode)


def send(
    http: httpx.Client, request: httpx.Request, *, most_bytes: int | None = None
) -> httpx.Response:
    """Send it, and put httpx's errors into ours."""
    try:
        return _read(http.send(request, stream=True), most_bytes)
    except httpx.ConnectTimeout as exc:
        raise GatewayDown("no connection in time") from exc
    except httpx.TimeoutException as exc:
        raise GatewayTimedOut("no answer in time") from exc
    except httpx.TransportError as exc:
        raise GatewayDown("no connection") from exc
    except httpx.RequestError as exc:
        raise AnswerNotUnderstood("an answer that cannot be read") from exc


def _read(response: httpx.Response, most_bytes: int | None) -> httpx.Response:
    """Read a body, to its end or so far; httpx's time limit begins anew with each piece of it."""
    seconds: float = response.request.extensions["timeout"]["read"]
    until = time.monotonic() + seconds
    pieces, size_bytes = [], 0
    with closing(response):
        for piece in response.iter_bytes():
            pieces.append(piece)
            size_bytes += len(piece)
            if most_bytes is not None and size_bytes >= most_bytes:
                break
            if time.monotonic() > until:
                raise GatewayTimedOut("an answer without an end")
    headers = response.headers.copy()
    headers.pop("Content-Encoding", None)  # it is unpacked
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=b"".join(pieces),
        request=response.request,
    )


def _accepted(response: httpx.Response) -> httpx.Response:
    """Pass a success on; raise RequestRefused for anything else."""
    if response.is_success:
        return response
    try:
        body: _ErrorBody = read_json(response)
        detail = body["error"]
        code, message = str(detail.get("code", "")), str(detail.get("message", ""))
        request_id = str(detail.get("request_id") or "") or None
    except OTHER_SHAPE:
        code, message, request_id = "", "", None
    raise RequestRefused(
        status=response.status_code,
        code=code,
        message=message,
        request_id=request_id,
        retry_after_seconds=_retry_after(response),
    )


def _retry_after(response: httpx.Response) -> float | None:
    """What Retry-After says in seconds, as our gateway writes it; None for anything else."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def decoded(response: httpx.Response, decode: Callable[[BodyT], AnswerT]) -> AnswerT:
    """Decode the JSON of a response.

    Raises:
        AnswerNotUnderstood: It has another shape, or is none.
    """
    try:
        body: BodyT = read_json(response)
        return decode(body)
    except OTHER_SHAPE as exc:
        raise AnswerNotUnderstood(f"{response.request.url.path} answered another shape") from exc
