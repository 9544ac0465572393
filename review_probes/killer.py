"""Which of them kills a real Triton? Usage: killer.py leave|deadline|grpc-cancel|grpc-deadline SECONDS"""
import asyncio, json, os, sys, time, tempfile, random
from pathlib import Path
import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc
from benchmarks.local_stack import local_stack
from python_backends.shared.contract import encode_bytes_tensor
img=Path('examples/digits/samples/seven-blue-paper.jpg').read_bytes()
def req():
    t=service_pb2.ModelInferRequest.InferInputTensor(name='IMAGE',datatype='BYTES',shape=(1,1))
    return service_pb2.ModelInferRequest(model_name='digits_r1',inputs=[t],raw_input_contents=[encode_bytes_tensor([img])])
async def main(mode, seconds, s):
    port=int(s.gateway_url.rsplit(':',1)[1]); pid=s.triton['pid']; n=0; stop=False; codes={}
    ps=[int(p) for p in os.popen(f'ps -eo pid,args | grep "[b]in/tritonserver" | grep {s.triton["grpc"].split(":")[1]}').read().split() if p.isdigit()]
    def alive(): return any('tritonserver' in l for l in os.popen(f'ps -eo pid,stat,args | grep "[b]in/tritonserver" | grep "port={s.triton["grpc"].split(":")[1]}" | grep -v " Z"').read().splitlines())
    assert alive(), os.popen('ps -eo pid,args | grep "[t]ritonserver"').read()
    def head(*extra): return ('\r\n'.join(['POST /v1/predict/digits HTTP/1.1','Host: g',f'X-API-Key: {s.admin_key}','Content-Type: image/jpeg',f'Content-Length: {len(img)}',*extra])+'\r\n\r\n').encode()
    async def leave():
        nonlocal n
        while not stop:
            try:
                r,w=await asyncio.open_connection('127.0.0.1',port); w.write(head()+img); await w.drain(); await asyncio.sleep(random.uniform(.001,.012)); w.transport.abort(); n+=1
            except OSError: await asyncio.sleep(.01)
    async def deadline():
        nonlocal n
        r,w=await asyncio.open_connection('127.0.0.1',port)
        while not stop:
            w.write(head(f'X-Request-Timeout-Ms: {random.randint(2,12)}')+img)
            h=await r.readuntil(b'\r\n\r\n'); l=int([x for x in h.lower().split(b'\r\n') if x.startswith(b'content-length')][0].split(b':')[1]); await r.readexactly(l); n+=1
            codes[h[9:12]]=codes.get(h[9:12],0)+1
    ch=grpc.aio.insecure_channel(s.triton['grpc']); stub=service_pb2_grpc.GRPCInferenceServiceStub(ch); R=req()
    async def gcancel():
        nonlocal n
        while not stop:
            c=stub.ModelInfer(R, timeout=10); t=asyncio.ensure_future(asyncio.wait_for(c, 10))
            await asyncio.sleep(random.uniform(.001,.012)); c.cancel(); n+=1
            try: await t
            except BaseException as e: codes[type(e).__name__]=codes.get(type(e).__name__,0)+1
    async def gdeadline():
        nonlocal n
        while not stop:
            try: await stub.ModelInfer(R, timeout=random.uniform(.002,.012))
            except grpc.aio.AioRpcError as e: codes[e.code().name]=codes.get(e.code().name,0)+1
            n+=1
    work={'leave':leave,'deadline':deadline,'grpc-cancel':gcancel,'grpc-deadline':gdeadline}[mode]
    t0=time.time(); ts=[asyncio.create_task(work()) for _ in range(8)]
    died=None
    while time.time()-t0<seconds:
        await asyncio.sleep(.2)
        if not alive(): died=time.time()-t0; break
    stop=True; k=n
    print(mode, f'TRITON DIED after {died:.1f} s and at most {k} requests' if died else f'alive after {seconds} s, {k} requests', codes, flush=True)
    for t in ts: t.cancel()
with tempfile.TemporaryDirectory(dir='/tmp/wt') as d:
    opts=['--no-ui']
    with local_stack(Path(d)/'state', Path('model_repository'), *opts) as s:
        asyncio.run(main(sys.argv[1], float(sys.argv[2]), s))
        log=(Path(d)/'state'/'logs'/'triton.log').read_text()
        i=log.find('Signal ('); print(log[i:i+120] if i>=0 else 'no signal')
