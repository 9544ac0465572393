import asyncio, json, sys, time, statistics as st, urllib.request
from pathlib import Path
d=json.loads(Path('/tmp/wt/stack.ready').read_text()); url=d['gateway']['url']; port=int(url.rsplit(':',1)[1])
admin=Path('/tmp/wt/state/admin.key').read_text().strip(); ui=Path('/tmp/wt/state/ui.key').read_text().strip()
img=Path('examples/digits/samples/seven-blue-paper.jpg').read_bytes()
def head(key,*extra,n=None,path='/v1/predict/digits'):
    h=[f'POST {path} HTTP/1.1','Host: g',f'X-API-Key: {key}','Content-Type: image/jpeg',f'Content-Length: {len(img) if n is None else n}',*extra]
    return ('\r\n'.join(h)+'\r\n\r\n').encode()
lat=[]; statuses={}
async def calm(stop):
    while not stop.is_set():
        r,w=await asyncio.open_connection('127.0.0.1',port)
        t=time.perf_counter(); w.write(head(ui,'Connection: close')+img)
        try:
            s=(await asyncio.wait_for(r.read(65536),30))[:12].decode()
        except Exception as e: s=type(e).__name__
        lat.append(time.perf_counter()-t); statuses[s]=statuses.get(s,0)+1
        w.close(); await asyncio.sleep(.05)
def stats():
    m=urllib.request.urlopen(d['triton']['metrics']).read().decode()
    out={}
    for l in m.splitlines():
        if l.startswith('nv_inference_pending_request_count') or (l.startswith('nv_inference_request_success') and 'digits_r1"' in l) : out[l.split('{')[0][13:]+l.split('model="')[1].split('"')[0]]=float(l.split()[-1])
    g=urllib.request.Request(url+'/metrics',headers={'X-API-Key':admin}); m=urllib.request.urlopen(g).read().decode()
    for l in m.splitlines():
        if l.startswith('triptych_gateway_in_flight') or l.startswith('triptych_gateway_triton_calls'): out[l.split()[0]]=float(l.split()[1])
    return out
sent=0
async def leaver(stop, hold):
    global sent
    while not stop.is_set():
        try:
            r,w=await asyncio.open_connection('127.0.0.1',port)
            w.write(head(admin)+img); await w.drain(); await asyncio.sleep(hold); w.transport.abort(); sent+=1
        except OSError: await asyncio.sleep(.01)
async def hasty(stop, ms):
    global sent
    r,w=await asyncio.open_connection('127.0.0.1',port)
    while not stop.is_set():
        w.write(head(admin,f'X-Request-Timeout-Ms: {ms}')+img); 
        h=await r.readuntil(b'\r\n\r\n'); n=int([l for l in h.lower().split(b'\r\n') if l.startswith(b'content-length')][0].split(b':')[1]); await r.readexactly(n); sent+=1
async def phase(name, seconds, attackers):
    global sent; sent=0
    lat.clear(); statuses.clear(); stop=asyncio.Event()
    ts=[asyncio.create_task(calm(stop))]+[asyncio.create_task(a(stop)) for a in attackers]
    await asyncio.sleep(seconds*.75); s=await asyncio.to_thread(stats); await asyncio.sleep(seconds*.25); stop.set()
    await asyncio.wait(ts, timeout=35)
    q=sorted(lat)
    print(name, 'n',len(q),'p50 %.0f ms p99 %.0f ms max %.0f'%(1e3*st.median(q),1e3*q[int(len(q)*.99)],1e3*q[-1]), statuses,'attacker sent',sent, s, flush=True)
async def main():
    await phase('quiet',4,[])
    await phase('16 leaving after 4 ms',8,[lambda s: leaver(s,.004)]*16)
    await asyncio.sleep(3)
    await phase('quiet',3,[])
    await phase('8 with deadline 6 ms',6,[lambda s: hasty(s,6)]*8)
    await asyncio.sleep(2)
    await phase('quiet',3,[])
    await asyncio.sleep(1); print(stats())
asyncio.run(main())
