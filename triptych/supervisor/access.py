"""Who may ask the supervisor: on loopback anybody of this machine, elsewhere who has the secret.

Nobody's web pages, wherever it listens.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from pydantic import SecretStr
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from triptych.errors import OptionInvalid
from triptych.stack.settings import StackSettings
from triptych.supervisor.otlp_spans import TRACES_PATH

_OPEN: Final = frozenset({"/livez", "/readyz", "/metrics"})
_QUESTIONS: Final = frozenset({"GET", "HEAD"})
# A browser sends one of them with every request that a page makes; no client of ours does.
_FROM_A_PAGE: Final = frozenset({b"origin", b"sec-fetch-site"})


def check_access(settings: StackSettings) -> None:
    """Refuse to listen to a network without a secret.

    Raises:
        OptionInvalid: the host is not loopback and there is no secret.
    """
    secret = settings.supervisor_secret
    if not is_loopback(settings.supervisor_host) and not (secret and secret.get_secret_value()):
        raise OptionInvalid(
            f"TRIPTYCH_SUPERVISOR_HOST is {settings.supervisor_host}, which others can reach: set "
            "TRIPTYCH_SUPERVISOR_SECRET, too."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class NoPages:
    """ASGI middleware: nothing for web pages.

    A page of anybody may send a POST without a body to loopback, and the browser does not ask first
    whether it may: it would restart Triton.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through or answer 403."""
        if (
            scope["type"] != "http"
            or scope["method"] in {"GET", "HEAD"}
            or not _is_of_a_page(scope)
        ):
            await self._app(scope, receive, send)
            return
        body = {"error": "This is not for web pages; ask it with curl or the triptych command."}
        await JSONResponse(body, 403, {"Connection": "close"})(scope, receive, send)


def _is_of_a_page(scope: Scope) -> bool:
    return any(name in _FROM_A_PAGE for name, _ in scope["headers"])


class BearerGate:
    """ASGI middleware: without the right bearer token nothing but health and metrics.

    Triton's own spans come in from loopback without one: it cannot be told to send any.
    """

    def __init__(self, app: ASGIApp, secret: SecretStr) -> None:
        self._app = app
        self._expected = f"Bearer {secret.get_secret_value()}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through or answer 401."""
        if scope["type"] != "http" or self._may_pass(scope):
            await self._app(scope, receive, send)
            return
        body = {"error": "This needs Authorization: Bearer and TRIPTYCH_SUPERVISOR_SECRET."}
        headers = {"WWW-Authenticate": "Bearer", "Connection": "close"}
        await JSONResponse(body, 401, headers)(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        if scope["path"] in _OPEN or self._is_from_triton(scope):
            return True
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)

    def _is_from_triton(self, scope: Scope) -> bool:
        client = scope.get("client")
        is_intake = scope["method"] == "POST" and scope["path"] == TRACES_PATH
        return is_intake and client is not None and is_loopback(client[0])
