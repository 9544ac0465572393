"""The gateway as the command line uses it: every endpoint, answers as plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from triptych.client.gateway_http import (
    Ask,
    ask_files,
    ask_image,
    ask_in_json,
    ask_route,
    ask_text,
    ask_texts,
    connection_options,
    no_answer,
    read_answer,
)


class GatewayConnection:
    """One gateway, one key; a context manager.

    Applications take `triptych.client.Client`, whose answers are typed and which tries again.

    Args:
        url: "http://127.0.0.1:8080".
        api_key: Sent with every call.
        timeout_seconds: How long one call may take.
    """

    def __init__(self, url: str, api_key: str, timeout_seconds: float = 30.0) -> None:
        self._http = httpx.Client(**connection_options(url, api_key, timeout_seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def classify_image(self, alias: str, encoded: bytes) -> dict[str, Any]:
        """Send one encoded image; the answer is PredictionBody of docs and OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        return self._send(ask_image(alias, encoded))

    def classify_files(self, alias: str, files: Sequence[Path]) -> dict[str, Any]:
        """Send several files as one batch; the answer is BatchBody of docs and OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        return self._send(ask_files(alias, [(file.name, file.read_bytes()) for file in files]))

    def classify_text(self, alias: str, text: str) -> dict[str, Any]:
        """Send one text; the answer is PredictionBody of docs and OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        return self._send(ask_text(alias, text))

    def classify_texts(self, alias: str, texts: Sequence[str]) -> dict[str, Any]:
        """Send several texts as one batch; the answer is BatchBody of docs and OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        return self._send(ask_texts(alias, texts))

    def route(self, alias: str) -> dict[str, Any]:
        """What an alias means now; the answer is RouteDescription of docs and OpenAPI.

        Raises:
            CallFailed: there is no such alias, or the gateway does not answer.
        """
        return self._send(ask_route(alias))

    def max_batch_size(self, alias: str) -> int:
        """How many files or texts one call may carry.

        Raises:
            CallFailed: there is no such alias, or the gateway does not answer.
        """
        return int(self.route(alias)["max_batch_size"])

    def create_key(
        self, name: str, scopes: Sequence[str], terms: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Make an API key; it is shown only in this answer.

        Args:
            name: What people call it.
            scopes: What it may do.
            terms: Tenant, limits, expiry and the like: the fields of NewKey in OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        body = {"name": name, "scopes": list(scopes), **(terms or {})}
        return self._call("POST", "/v1/admin/keys", json_body=body)

    def change_key(self, key_id: str, changes: Mapping[str, object]) -> dict[str, Any]:
        """Change name, limits or expiry; None lifts a limit, what is not named stays.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        return self._call("PATCH", f"/v1/admin/keys/{key_id}", json_body=changes)

    def rotate_key(self, key_id: str, grace_seconds: int = 0) -> dict[str, Any]:
        """Give an API key a new secret, shown only in this answer; id and limits stay.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        body = {"grace_seconds": grace_seconds}
        return self._call("POST", f"/v1/admin/keys/{key_id}/rotate", json_body=body)

    def list_keys(self) -> list[dict[str, Any]]:
        """List every API key, revoked ones too.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        keys: list[dict[str, Any]] = self._call("GET", "/v1/admin/keys")["keys"]
        return keys

    def revoke_key(self, key_id: str) -> None:
        """End an API key.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        self._call("DELETE", f"/v1/admin/keys/{key_id}")

    def _call(
        self, method: str, path: str, *, json_body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        if json_body is None:
            return self._send(Ask(method, path))
        return self._send(ask_in_json(method, path, json_body))

    def _send(self, ask: Ask) -> dict[str, Any]:
        try:
            return read_answer(self._http.request(**ask.for_httpx()))
        except httpx.HTTPError as exc:
            raise no_answer(self._http.base_url, exc) from exc
