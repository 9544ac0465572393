"""Ways to ask over HTTP, with the bytes of every request made beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.comparison.load import AnswerFailed
from benchmarks.raw_http import RawConnection, post
from python_backends.shared.contract import IMAGE, LABEL, encode_bytes_tensor

# The line for interactive requests is short by design: many clients would be told 503 instead.
_PRIORITY: Final = "batch"
_BOUNDARY: Final = "----triptych-bench"


@dataclass(frozen=True)
class HttpForm:
    """How a batch of pictures travels, and how its answer is read."""

    path: str
    """With {alias} in it, where the server wants one."""
    write: Callable[[Sequence[bytes]], tuple[dict[str, str], bytes]]
    read: Callable[[Any], list[str]]
    """From the JSON of an answer to the first label of each picture."""


class HttpClient:
    """One connection; it is opened again where the server closes it."""

    def __init__(self, address: str, requests: Sequence[bytes], form: HttpForm) -> None:
        self._host, _, port = address.partition(":")
        self._port = int(port)
        self._requests = requests
        self._form = form
        self._connection: RawConnection | None = None

    async def ask(self, number: int) -> list[str]:
        """As `load.Client` has it."""
        if self._connection is None:
            self._connection = await RawConnection.open(self._host, self._port)
        try:
            reply = await self._connection.ask(self._requests[number % len(self._requests)])
        except BaseException:
            await self.close()
            raise
        if not reply.keeps_alive:
            await self.close()
        if reply.status != 200:
            raise AnswerFailed(f"{reply.status} {reply.body[:200].decode(errors='replace')}")
        return self._form.read(json.loads(reply.body))

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def make_requests(
    form: HttpForm, alias: str, key: str, batches: Sequence[Sequence[bytes]]
) -> list[bytes]:
    """Every request that clients will send."""
    path = form.path.format(alias=alias)
    written = [form.write(batch) for batch in batches]
    common = {"X-API-Key": key, "X-Priority": _PRIORITY}
    return [post(path, body, common | headers) for headers, body in written]


def _write_raw(batch: Sequence[bytes]) -> tuple[dict[str, str], bytes]:
    (picture,) = batch
    return {"Content-Type": "image/jpeg"}, picture


def _write_multipart(batch: Sequence[bytes]) -> tuple[dict[str, str], bytes]:
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    parts = b"".join(head + picture + b"\r\n" for picture in batch)
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return headers, parts + f"--{_BOUNDARY}--\r\n".encode()


def _write_open_inference(batch: Sequence[bytes]) -> tuple[dict[str, str], bytes]:
    content = encode_bytes_tensor(batch)
    tensor = {
        "name": IMAGE.name,
        "datatype": IMAGE.dtype,
        "shape": [len(batch), 1],
        "parameters": {"binary_data_size": len(content)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    return {"Inference-Header-Content-Length": str(len(head))}, head + content


def _read_predictions(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [answer["predictions"][0]["label"]]


def _read_results(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [item["predictions"][0]["label"] for item in answer["results"]]


def _read_open_inference(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    labels = next(it for it in answer["outputs"] if it["name"] == LABEL.name)
    items, width = labels["shape"]
    return [labels["data"][item * width] for item in range(items)]


def _read_naive(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [str(answer["labels"][0])]


RAW: Final = HttpForm("/v1/predict/{alias}", _write_raw, _read_predictions)
MULTIPART: Final = HttpForm("/v1/predict/{alias}", _write_multipart, _read_results)
OPEN_INFERENCE: Final = HttpForm(
    "/v2/models/{alias}/infer", _write_open_inference, _read_open_inference
)
NAIVE: Final = HttpForm("/predict", _write_multipart, _read_naive)
