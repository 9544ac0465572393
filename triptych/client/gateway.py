"""Talk to the gateway's REST interface."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import httpx

from triptych.errors import CallFailed

# The raw bytes say what they are; the gateway does not need a guess from a file name.
_ANY_IMAGE: Final = "application/octet-stream"


class GatewayConnection:
    """One gateway, one key; a context manager.

    Args:
        url: "http://127.0.0.1:8080".
        api_key: Sent with every call.
        timeout_seconds: How long one call may take.
    """

    def __init__(self, url: str, api_key: str, timeout_seconds: float = 30.0) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        # trust_env=False: a proxy variable meant for the internet must not catch loopback.
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout_seconds, trust_env=False
        )

    def __enter__(self) -> GatewayConnection:
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
        headers = {"Content-Type": _ANY_IMAGE}
        return self._call("POST", f"/v1/predict/{alias}", content=encoded, headers=headers)

    def classify_files(self, alias: str, files: Sequence[Path]) -> dict[str, Any]:
        """Send several files as one batch; the answer is BatchBody of docs and OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        parts = [("file", (file.name, file.read_bytes(), _ANY_IMAGE)) for file in files]
        return self._call("POST", f"/v1/predict/{alias}", files=parts)

    def classify_text(self, alias: str, text: str) -> dict[str, Any]:
        """Send one text; the answer is PredictionBody of docs and OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        return self._ask_in_json(alias, {"text": text})

    def classify_texts(self, alias: str, texts: Sequence[str]) -> dict[str, Any]:
        """Send several texts as one batch; the answer is BatchBody of docs and OpenAPI.

        Raises:
            CallFailed: the gateway refuses, or does not answer.
        """
        return self._ask_in_json(alias, {"texts": list(texts)})

    def route(self, alias: str) -> dict[str, Any]:
        """What an alias means now; the answer is RouteDescription of docs and OpenAPI.

        Raises:
            CallFailed: there is no such alias, or the gateway does not answer.
        """
        return self._call("GET", f"/v1/routes/{alias}")

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

    def _ask_in_json(self, alias: str, body: Mapping[str, object]) -> dict[str, Any]:
        # In ASCII: half a surrogate pair is the gateway's to refuse, httpx would raise at it.
        content = json.dumps(body).encode("ascii")
        headers = {"Content-Type": "application/json"}
        return self._call("POST", f"/v1/predict/{alias}", content=content, headers=headers)

    def _call(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        files: Any = None,  # noqa: ANN401 - httpx's own union of shapes
        json_body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            response = self._http.request(
                method, path, content=content, files=files, json=json_body, headers=headers
            )
        except httpx.HTTPError as exc:
            where = f"The gateway at {self._http.base_url}"
            raise CallFailed(f"{where} does not answer: {exc}") from exc
        if response.is_success:
            return dict(response.json()) if response.content else {}
        raise CallFailed(_error_sentence(response))


def _error_sentence(response: httpx.Response) -> str:
    try:
        error = response.json()["error"]
        return f"{error['message']} ({response.status_code} {error['code']})"
    except (ValueError, KeyError, TypeError):
        return f"the gateway answered {response.status_code}"
