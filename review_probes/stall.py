import time, asyncio, io
from gateway.data_plane.json_texts import parse_texts
from gateway.data_plane.open_inference.strict_json import load_object
def t(name, f):
    a=time.perf_counter()
    try: f(); r='ok'
    except Exception as e: r=type(e).__name__+': '+str(e)[:80]
    print(f'{name:40s} {1e3*(time.perf_counter()-a):8.1f} ms  {r}', flush=True)
N=8*1024*1024
t('text: list of ints', lambda: parse_texts(b'{"text":['+b'1,'*((N-20)//2)+b'1]}',256))
t('text: list of {}', lambda: parse_texts(b'{"text":['+b'{},'*((N-20)//3)+b'1]}',256))
t('text: list of []', lambda: parse_texts(b'{"text":['+b'[],'*((N-20)//3)+b'1]}',256))
t('text: long number', lambda: parse_texts(b'{"text":'+b'1'*(N-20)+b'}',256))
t('text: escapes', lambda: parse_texts(b'{"text":"'+b'\\u00e9'*((N-20)//6)+b'"}',256))
keys=b','.join(b'"%d":1'%i for i in range(700000))
t('text: many fields', lambda: parse_texts(b'{'+keys+b'}',256))
t('v2: quotes', lambda: load_object(b'['+b','*66+b'""'*((N-100)//2), max_items=8))
t('v2: quotes, spaced', lambda: load_object(b'['+b'1,'*66+b'"",'+b' ""'*((N-400)//3), max_items=8))
t('v2: string of escapes', lambda: load_object(b'['+b','*66+b'"'+b'\\"'*((N-100)//2), max_items=8))
t('v2: closings', lambda: load_object(b'['+b','*66+b']'*(N-100), max_items=8))
t('v2: one number', lambda: load_object(b'{"a":'+b'1'*(N-100)+b'}', max_items=8))
t('v2: one float', lambda: load_object(b'{"a":'+b'1'*(N-100)+b'.5}', max_items=8))
t('v2: spaces', lambda: load_object(b'{"a":'+b' '*(N-100)+b'1}', max_items=8))
from starlette.requests import Request
from gateway.data_plane.form_files import read_files
from gateway.request_context import record, RequestRecord
from gateway.settings import BodyPatience
record.set(RequestRecord())
async def form(name, body, chunk=320*1024, limit=100*1024*1024):
    parts=[body[i:i+chunk] for i in range(0,len(body),chunk)]
    it=iter(parts); n=len(parts); seen=0; worst=0; last=[time.perf_counter()]
    async def receive():
        nonlocal seen, worst
        now=time.perf_counter(); worst=max(worst, now-last[0])
        seen+=1
        m={'type':'http.request','body':next(it),'more_body':seen<n}
        last[0]=time.perf_counter(); return m
    req=Request({'type':'http','method':'POST','path':'/','headers':[(b'content-type',b'multipart/form-data; boundary=b')],'query_string':b''}, receive)
    a=time.perf_counter()
    try: await read_files(req, limit, BodyPatience(30,120), 256); r='ok'
    except Exception as e: r=type(e).__name__+': '+str(e)[:80]
    now=time.perf_counter(); worst=max(worst, now-last[0])
    print(f'{name:34s} {len(body)>>20} MiB total {1e3*(now-a):8.1f} ms  longest without yield {1e3*worst:.1f} ms {r}', flush=True)
H=b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'; T=b'\r\n--b--\r\n'
M=1<<20
async def main():
    await form('plain', H+b'x'*(8*M)+T)
    await form('CRs', H+b'\r'*(1*M)+T)
    await form('CRLF', H+b'\r\n'*(M//2)+T)
    await form('CRLF-', H+b'\r\n-'*(M//3)+T)
    await form('b', H+b'b'*(M)+T)
    await form('-- b', H+b'\r\n--'*(M//4)+T)
    await form('part header', b'--b\r\nX: '+b'y'*(16*M)+b'\r\n'+H[5:]+b'x'+T)
    await form('many part headers', b'--b\r\n'+b'X: y\r\n'*(M//6)+H[5:]+b'x'+T)
    await form('CR before boundary', b'\r\n'*(M//2)+H+b'x'+T)
    await form('epilogue', H+b'x'+T+b'z'*(8*M))
    await form('epilogue CR', H+b'x'+T+b'\r\n'*(M//2))
asyncio.run(main())
