"""Exploration by hand: pytest -s tests/unit/gateway/review/probe_transport.py"""

from __future__ import annotations
import asyncio, time
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.unit.gateway.raw_connection import connected
from tests.unit.gateway.running_gateway import StartGateway, until
import uvicorn


async def ask(g, raw, wait=0.6):
    async with connected(g) as c:
        c.send(raw)
        await asyncio.sleep(wait)
        try:
            return bytes(c.reader._buffer)[:2000]
        except Exception as e:
            return repr(e).encode()


def req(k, *extra, body=b"seven", path="/v1/predict/digits", m="POST", v="1.1", n=None):
    return (
        f"{m} {path} HTTP/{v}\r\nHost: g\r\nX-API-Key: {k}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body) if n is None else n}\r\n"
        + "".join(e + "\r\n" for e in extra)
        + "\r\n"
    ).encode() + body


async def test_all(triton: FakeTriton, serve_gateway: StartGateway) -> None:
    triton.answers[b"seven"] = ranked("7")
    for i in range(20):
        triton.answers[b"img%d" % i] = ranked("L%d" % i)
    g = await serve_gateway(cache_bytes=1 << 20)
    k = g.ui["X-API-Key"]
    a = g.admin["X-API-Key"]

    def show(name, b):
        print(
            "##",
            name,
            "->",
            b.split(b"\r\n\r\n")[0].split(b"\r\n")[0],
            b.count(b"HTTP/1.1 "),
            b[-160:] if b"200" not in b[:15] else "",
        )

    show("pipelined 3", await ask(g, b"".join(req(k, body=b"img%d" % i) for i in range(3))))
    raw = await ask(g, b"".join(req(k, body=b"img%d" % i) for i in range(10)), 1)
    import re

    async with connected(g) as c:
        c.send(b"".join(req(k, body=b"img%d" % i) for i in range(10)))
        got = [(await c.answer()).body for _ in range(10)]
    print("## pipelined order", [re.search(rb"L\d+", b).group() for b in got])
    async with connected(g) as c:  # pipelined while first is in flight and client stays
        triton.may_answer.clear()
        c.send(req(k, body=b"img11"))
        await asyncio.sleep(0.1)
        c.send(req(k, body=b"img12"))
        await asyncio.sleep(0.1)
        triton.may_answer.set()
        x = [(await c.answer()) for _ in range(2)]
        print("## late pipelined", [(y.status, re.search(rb"L\d+", y.body).group()) for y in x])
    show("expect", await ask(g, req(k, "Expect: 100-continue", body=b"", n=5)))
    show("1.0", await ask(g, req(k, v="1.0"), 0.5))
    for name, r in {
        "no key": req(""),
        "bad key": req("tri_x"),
        "two keys": req(k, f"X-API-Key: {a}"),
        "bearer bad + xkey good": req(k, "Authorization: Bearer nope"),
        "basic + xkey": req(k, "Authorization: Basic abc"),
        "timeout huge": req(k, "X-Request-Timeout-Ms: 99999999999"),
        "timeout 0": req(k, "X-Request-Timeout-Ms: 0"),
        "timeout twice": req(k, "X-Request-Timeout-Ms: 5000", "X-Request-Timeout-Ms: x"),
        "priority twice": req(k, "X-Priority: batch", "X-Priority: bogus"),
        "%2e": req(k, path="/v1/predict/%2e%2e/predict/digits"),
        "//": req(k, path="/v1//predict/digits"),
        "slash": req(k, path="/v1/predict/digits/"),
        "case": req(k, path="/V1/predict/digits"),
        "enc alias": req(k, path="/v1/predict/digit%73"),
        "nul": req(k, path="/v1/predict/digits%00"),
        "release": req(k, path="/v1/predict/digits_r1"),
        "release v2": req(k, path="/v2/models/digits_r1/infer"),
        "step": req(a, path="/v1/predict/digits_r1_preprocess"),
        "HEAD": req(k, m="HEAD", body=b""),
        "OPTIONS": req(k, m="OPTIONS", body=b""),
        "TRACE": req(k, m="TRACE", body=b""),
        "PURGE": req(k, m="PURGE", body=b""),
        "gz on predict": req(k, "Content-Encoding: gzip"),
        "te gzip": b"POST /v1/predict/digits HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "admin w ui": req(k, m="GET", path="/v1/admin/keys", body=b""),
        "mon w ui": req(k, m="GET", path="/v1/admin/monitoring", body=b""),
        "metrics w ui": req(k, m="GET", path="/metrics", body=b""),
        "v2 nokey": req("", m="GET", path="/v2", body=b""),
        "v2 model nokey": req("", m="GET", path="/v2/models/digits", body=b""),
        "v2 r1 cfg ui": req(k, m="GET", path="/v2/models/digits_r1/config", body=b""),
        "v2 v2": req(k, m="GET", path="/v2/models/digits/versions/01/config", body=b""),
        "v2 404": req(k, m="GET", path="/v2/repository/index", body=b""),
        "v2load": req(a, path="/v2/repository/models/digits_r1/load", body=b"{}"),
        "v2 shm": req(a, path="/v2/systemsharedmemory/status", m="GET", body=b""),
        "openapi": req("", m="GET", path="/openapi.json", body=b""),
        "static trav": req(
            "", m="GET", path="/static-offline-docs/..%2f..%2f..%2fetc/passwd", body=b""
        ),
        "static": req("", m="GET", path="/static-offline-docs/", body=b""),
        "accept problem v2": req(
            "", "Accept: application/problem+json", path="/v2/models/digits/infer"
        ),
        "accept problem": req("", "Accept: application/problem+json"),
        "big header key": req("x" * 20000),
        "latin key": req("\u00e9" * 20),
        "surrogate path": req(k, path="/v1/predict/%ff%fe"),
        "long path": req(k, path="/v1/predict/" + "a" * 5000),
        "nul hdr": req(k, "X-A: \x00"),
    }.items():
        b = await ask(g, r, 0.12)
        h, _, body = b.partition(b"\r\n\r\n")
        low = h.lower()
        missing = [x for x in (b"x-request-id", b"x-content-type-options") if x not in low]
        if (b"/v1/predict/" in r[:40] or b"/v2" in r[:40]) and b"server-timing" not in low:
            missing.append(b"server-timing")
        print("##", name, "->", h.split(b"\r\n")[0].decode(), body[:110], missing)
    # storm: leaks
    import random

    triton.may_answer.set()

    async def stormer(i):
        rnd = random.Random(i)
        for _ in range(25):
            try:
                r, w = await asyncio.open_connection("127.0.0.1", g.port)
                m = rnd.randrange(7)
                data = {
                    0: req(k),
                    1: req(k, n=100),
                    2: req(k, "X-Request-Timeout-Ms: 1"),
                    3: req(k, n=200000000),
                    4: req(k, body=b"x" * 1000)[:-500],
                    5: b"POST /v1/predict/digits HTTP/1.1\r\nHost: g\r\nX-API-Key: "
                    + k.encode()
                    + b"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsev",
                    6: req(
                        k,
                        "Content-Encoding: gzip",
                        path="/v2/models/digits/infer",
                        body=b"\x1f\x8bgarbage",
                    ),
                }[m]
                w.write(data)
                await asyncio.sleep(rnd.choice([0, 0.001, 0.005, 0.02]))
                (w.transport.abort if rnd.random() < 0.7 else w.close)()
            except OSError:
                pass

    await asyncio.gather(*(stormer(i) for i in range(40)))
    await asyncio.sleep(1.5)
    m = (await g.client.get("/metrics", headers=g.admin)).text
    print(
        [
            l
            for l in m.splitlines()
            if l.startswith(("triptych_gateway_in_flight", "triptych_gateway_triton_calls"))
        ]
    )


async def test_shutdown(triton: FakeTriton, serve_gateway: StartGateway, settings) -> None:
    from tests.unit.gateway.running_gateway import _listener
    from gateway.server import server_config

    triton.may_answer.clear()
    with _listener() as l:
        s = uvicorn.Server(server_config(settings.model_copy(update={"max_in_flight": 2})))
        t = asyncio.create_task(s.serve(sockets=[l]))
        await until(lambda: s.started)
        k = (settings.state_dir / "ui.key").read_text().strip()
        port = l.getsockname()[1]
        cs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        for _, w in cs:
            w.write(req(k, "X-Request-Timeout-Ms: 30000"))
        await asyncio.sleep(0.4)
        s.should_exit = True
        t0 = time.monotonic()
        outs = await asyncio.gather(*(r.read() for r, _ in cs))
        print("## shutdown answers after %.1f s" % (time.monotonic() - t0))
        for o in outs:
            print("   ", o[:300])
        triton.may_answer.set()
        await t
        print("ended %.1f" % (time.monotonic() - t0))
