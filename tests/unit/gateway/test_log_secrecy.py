"""A busy session's whole log holds no key, no content and no file name."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway.log_setup import JsonFormatter
from python_backends.shared.contract import Task
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.running_gateway import StartGateway

IMAGE, TEXT, FILE = b"the-bytes-of-an-image", "a very private sentence", "holiday-at-home.jpg"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that any logger says, as it would be written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


async def test_neither_keys_nor_content_nor_file_names_are_written(
    triton: FakeTriton,
    supervisor: FakeSupervisor,
    start_gateway: StartGateway,
    log: io.StringIO,
) -> None:
    supervisor.releases.append(a_release("topics", 1, task=Task.TEXT_CLASSIFICATION))
    triton.answers.update({IMAGE: ranked("7"), TEXT.encode(): ranked("world")})
    gateway = await start_gateway(trace_sample_ratio=0.5)
    made = await gateway.client.post(
        "/v1/admin/keys", json={"name": "busy", "scopes": ["predict"]}, headers=gateway.admin
    )
    key = {"X-API-Key": made.json()["key"]}
    bearer = {"Authorization": f"Bearer {gateway.ui['X-API-Key']}"}
    for headers in (key, bearer, {"X-API-Key": "tri_wrong"}, {**key, "X-Trace": "1"}):
        for content in (IMAGE, IMAGE + b"!"):
            await gateway.client.post("/v1/predict/digits", headers=headers, content=content)
        for files in ({"file": (FILE, IMAGE)}, {FILE: IMAGE}):
            await gateway.client.post("/v1/predict/digits", headers=headers, files=files)
        form = {**headers, "Content-Type": "multipart/form-data"}
        await gateway.client.post("/v1/predict/digits", headers=form, content=b"--x\r\n" + IMAGE)
        for document in ({"text": TEXT}, {"texts": [TEXT, 7]}, {TEXT: 1}):
            await gateway.client.post("/v1/predict/topics", json=document, headers=headers)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert sum(line["logger"] == "gateway.access" for line in lines) == 4 * 8 + 1
    written = log.getvalue()
    for secret in (
        key["X-API-Key"],
        gateway.ui["X-API-Key"],
        gateway.admin["X-API-Key"],
        "tri_wrong",
        IMAGE.decode(),
        TEXT,
        FILE,
    ):
        assert secret not in written
