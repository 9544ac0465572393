"""Exploration by hand: stalls of large bodies, starvation by two keys, connections by one."""

from __future__ import annotations
import asyncio, time, gzip, os, zlib
from tests.fakes.fake_triton import FakeTriton, ranked
from tests.fakes.fake_supervisor import FakeSupervisor, a_release
from tests.unit.gateway.running_gateway import StartGateway, until
from python_backends.shared.contract import Task


async def test_stalls(
    triton: FakeTriton, supervisor: FakeSupervisor, start_gateway: StartGateway
) -> None:
    supervisor.releases.append(a_release("topics", 1, task=Task.TEXT_CLASSIFICATION))
    g = await start_gateway(max_items=256)
    M = 1 << 20

    async def measure(name, path, body, kind, **h):
        worst = 0
        stop = False

        async def watch():
            nonlocal worst
            while not stop:
                t = time.perf_counter()
                await asyncio.sleep(0.001)
                worst = max(worst, time.perf_counter() - t)

        w = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        t = time.perf_counter()
        r = await g.client.post(
            path, content=body, headers={**g.ui, "Content-Type": kind, **h}, timeout=60
        )
        d = time.perf_counter() - t
        await asyncio.sleep(0.01)
        stop = True
        await w
        print(
            f"## {name}: {r.status_code} {r.text[:90]!r} took {d * 1e3:.0f} ms, longest stall {worst * 1e3:.0f} ms"
        )

    await measure("20 MiB image", "/v1/predict/digits", os.urandom(20 * M), "image/jpeg")
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
    await measure(
        "form 4 x 19",
        "/v1/predict/digits",
        b"".join(part + b"x" * (19 * M) + b"\r\n" for _ in range(4)) + b"--b--\r\n",
        "multipart/form-data; boundary=b",
    )
    await measure(
        "form 256 x 300k",
        "/v1/predict/digits",
        b"".join(part + b"x" * 300000 + b"\r\n" for _ in range(256)) + b"--b--\r\n",
        "multipart/form-data; boundary=b",
    )
    await measure(
        "v2 raw 95 MiB",
        "/v2/models/digits/infer",
        b"x" * (95 * M),
        "application/octet-stream",
        **{"Inference-Header-Content-Length": "0"},
    )
    await measure(
        "v2 raw text 95 MiB",
        "/v2/models/topics/infer",
        b"x" * (95 * M),
        "application/octet-stream",
        **{"Inference-Header-Content-Length": "0"},
    )
    z = zlib.compressobj(9, wbits=31)
    gz = z.compress(b"x" * (30 * M)) + z.flush()
    await measure(
        "gz bomb",
        "/v2/models/topics/infer",
        gz,
        "application/octet-stream",
        **{"Inference-Header-Content-Length": "0", "Content-Encoding": "gzip"},
    )
    raw = gzip.compress(os.urandom(40 * M), 1)
    await measure(
        "gz 40 MiB random",
        "/v2/models/topics/infer",
        raw,
        "application/octet-stream",
        **{"Inference-Header-Content-Length": "0", "Content-Encoding": "gzip"},
    )
    await measure(
        "one text 7.9 MiB",
        "/v1/predict/topics",
        b'{"text":"' + b"x" * (7 * M) + b'"}',
        "application/json",
    )
    await measure(
        "base64 7.9MiB",
        "/v2/models/digits/infer",
        b'{"inputs":[{"name":"IMAGE","datatype":"BYTES","shape":[1,1],"data":["'
        + b"A" * (7 * M)
        + b'"]}]}',
        "application/json",
    )


async def test_starve(triton: FakeTriton, serve_gateway: StartGateway) -> None:
    triton.answers[b"seven"] = ranked("7")
    slow = triton.infer
    g = await serve_gateway(max_in_flight=8)
    import threading

    def spoil(_):
        time.sleep(0.03)

    triton.spoil = spoil
    keys = []
    for n in ("a", "b", "calm"):
        keys.append(
            (await g.client.post("/v1/admin/keys", headers=g.admin, json={"name": n})).json()["key"]
        )

    def req(k):
        return (
            f"POST /v1/predict/digits HTTP/1.1\r\nHost: g\r\nX-API-Key: {k}\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nseven"
        ).encode()

    counts = {}
    stop = False

    async def client(name, k, pause):
        r, w = await asyncio.open_connection("127.0.0.1", g.port)
        while not stop:
            w.write(req(k))
            h = await r.readuntil(b"\r\n\r\n")
            n = int(
                [x for x in h.lower().split(b"\r\n") if x.startswith(b"content-length")][0].split(
                    b":"
                )[1]
            )
            await r.readexactly(n)
            c = (name, h[9:12].decode())
            counts[c] = counts.get(c, 0) + 1
            await asyncio.sleep(pause)
        w.close()
        await w.wait_closed()

    ts = (
        [asyncio.create_task(client("a", keys[0], 0.002)) for _ in range(20)]
        + [asyncio.create_task(client("b", keys[1], 0.002)) for _ in range(20)]
        + [asyncio.create_task(client("calm", keys[2], 0.05))]
    )
    await asyncio.sleep(5)
    stop = True
    await asyncio.wait(ts, timeout=5)
    print("## starve", sorted(counts.items()))
