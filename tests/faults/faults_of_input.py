"""What comes in is harmful: broken pictures, killing texts, half uploads, a broken release."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import psutil

from tests.faults.fault import Fault, Rig
from tests.faults.faults_of_stubs import DEAD_SECONDS, UNTIL_THE_RESTART
from tests.faults.poison import killing_text
from triptych.release import sha256

_LORISES: Final = 60
_LORIS_SECONDS: Final = 3.0
_POISONED_STRETCH: Final = 200
_WITH_ONE: Final = frozenset({1})


@contextmanager
def _poisoned_stream(rig: Rig, *, share: float) -> Iterator[Callable[[], bool]]:
    rig.load.shares(poison=share)
    rig.load.wait_for_answers(_POISONED_STRETCH)
    rig.load.shares()
    yield lambda: True


@contextmanager
def _killed_decoder(rig: Rig) -> Iterator[Callable[[], bool]]:
    """Kill -9 a child process that decodes images."""
    before = rig.stack.all("decode", 0)
    victim = rig.stack.one("decode", 0)
    victim.kill()
    yield lambda: _is_gone(victim) and len(rig.stack.all("decode", 0)) == len(before)


def _is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@contextmanager
def _killing_text(rig: Rig) -> Iterator[Callable[[], bool]]:
    """Twice the same text: it may end one stub once, and is refused at once from then on."""
    model = "words_r1_preprocess"
    before = set(rig.stack.all("stub", None, model))
    question = killing_text(f"{time.monotonic()}")
    first, _ = _ask(rig, question.path, question.body)
    assert first == (422, "harmful_input"), first
    died = len(before - set(rig.stack.all("stub", None, model)))
    second, seconds = _ask(rig, question.path, question.body)
    assert second == (422, "harmful_input"), second
    assert seconds < 0.5, f"refused again only after {seconds:.2f} s"
    assert died <= 1, f"{died} stubs died of one text"
    yield lambda: len(rig.stack.all("stub", None, model)) == len(before)


def _ask(rig: Rig, path: str, body: bytes) -> tuple[tuple[int, str], float]:
    headers = {"X-API-Key": rig.stack.key, "Content-Type": "application/json"}
    started = time.monotonic()
    url = f"{rig.stack.gateway_url}{path}"
    answer = httpx.post(url, content=body, headers=headers, timeout=30, trust_env=False)
    said = answer.json().get("error", {})
    return (answer.status_code, str(said.get("code"))), time.monotonic() - started


@contextmanager
def _half_uploads(rig: Rig) -> Iterator[Callable[[], bool]]:
    """Clients that send a byte now and then, say that they are done in the middle, or vanish."""
    where = urlsplit(rig.stack.gateway_url)
    head = (
        f"POST /v1/predict/digits HTTP/1.1\r\nHost: x\r\nX-API-Key: {rig.stack.other_key}\r\n"
        "Content-Type: image/jpeg\r\nContent-Length: 100000\r\n"
    ).encode()
    with ExitStack() as held:
        crowd = [
            held.enter_context(socket.create_connection((where.hostname, where.port), timeout=5))
            for _ in range(_LORISES)
        ]
        slow_heads, slow_bodies, halves = crowd[::3], crowd[1::3], crowd[2::3]
        for one in slow_bodies:
            one.sendall(head + b"\r\n")
        for one in halves:
            one.sendall(head + b"\r\n" + b"x" * 50_000)
            one.shutdown(socket.SHUT_WR)
        until = time.monotonic() + _LORIS_SECONDS
        for number in range(len(head)):
            for one in (*slow_heads, *slow_bodies):
                with suppress(OSError):  # it was told 408 or 429, and closed
                    one.sendall(head[number : number + 1])
            rig.load.wait_for_answers(5)
            if time.monotonic() > until:
                break
        # A half-closed upload has had its answer, or its end, long since.
        for one in halves:
            one.settimeout(1.0)
            said = one.recv(12)
            assert said in {b"", b"HTTP/1.1 400", b"HTTP/1.1 429"}, said
    yield lambda: True


@contextmanager
def _broken_release(rig: Rig) -> Iterator[Callable[[], bool]]:
    """digits_r2 whose model is garbage, hashed as if it had been released so."""
    repository = rig.stack.repository
    try:
        _write_broken_release(repository)
        for triton in range(rig.stack.tritons):
            url = f"{rig.stack.supervisor_url(triton)}/releases/digits_r2/load"
            refused = httpx.post(url, timeout=60, trust_env=False)
            assert refused.status_code == 409, f"{refused.status_code} {refused.text}"
        yield lambda: True
    finally:
        for folder in repository.glob("digits_r2*"):
            shutil.rmtree(folder)


def _write_broken_release(repository: Path) -> None:
    for folder in sorted(repository.glob("digits_r1*")):
        copy = repository / folder.name.replace("_r1", "_r2")
        shutil.copytree(folder, copy)
        config = copy / "config.pbtxt"
        config.write_text(config.read_text().replace("digits_r1", "digits_r2"))
    (repository / "digits_r2_model/1/model.onnx").write_bytes(b"this is no ONNX file")
    certificate = repository / "digits_r2" / "release.json"
    body = json.loads(certificate.read_text())
    names = [name.replace("digits_r1", "digits_r2") for name in body["artifacts"]]
    body["number"], body["artifacts"] = 2, {name: sha256(repository / name) for name in names}
    certificate.write_text(json.dumps(body))


POISONED_STREAM: Final = Fault(
    "2 % poisoned images in the stream",
    partial(_poisoned_stream, share=0.02),
    may_fail=0,
    short_with=_WITH_ONE,
)
KILLED_DECODER: Final = Fault(
    "kill -9 a decode process", _killed_decoder, may_fail=0, short_with=_WITH_ONE
)
KILLING_TEXT: Final = Fault(
    "a text that kills the stub, twice",
    _killing_text,
    may_fail=0,
    leaves=UNTIL_THE_RESTART,
    short_with=_WITH_ONE,
    is_followed_by_a_restart=True,
    within_seconds=2 * DEAD_SECONDS + 2.0,  # it is asked a second time, alone, and dies of it again
)
HALF_UPLOADS: Final = Fault(
    "slow-loris and half-closed uploads", _half_uploads, may_fail=0, short_with=_WITH_ONE
)
BROKEN_RELEASE: Final = Fault(
    "load of a corrupt model", _broken_release, may_fail=0, short_with=_WITH_ONE
)
INPUT_FAULTS: Final = (POISONED_STREAM, KILLED_DECODER, KILLING_TEXT, HALF_UPLOADS, BROKEN_RELEASE)
