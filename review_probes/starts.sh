cd /tmp/wt/review; P=.venv/bin/python; B="GATEWAY_PORT=18431 GATEWAY_SUPERVISOR_URL=http://127.0.0.1:9 GATEWAY_TRITON_URL=127.0.0.1:9"
go() { echo "== $*"; env $B "$@" timeout 15 $P -m gateway 2>&1 | grep -v -E 'alembic|Started server|Waiting for' | cut -c1-260 | tail -4; }
rm -rf /tmp/wt/s1; mkdir /tmp/wt/s1; touch /tmp/wt/afile; env $B GATEWAY_STATE_DIR=/tmp/wt/s1 timeout -s INT 9 $P -m gateway >/dev/null 2>&1
go GATEWAY_STATE_DIR=/tmp/wt/afile/x
go GATEWAY_STATE_DIR=/proc/1/x
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_METRICS_PORT=18431
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_SUPERVISOR_URL='http://[::1'
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_REDIS_URL=redis://127.0.0.1:nope
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_OTLP_URL=notaurl
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_DATABASE_URL=postgresql://u:SECRETPW@127.0.0.1:1/x
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_DATABASE_URL=postgresql://u:SECRETPW@127.0.0.1:nope/x
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_DATABASE_URL='postgresql://u:SECRETPW@127.0.0.1/x?foo=1'
chmod 644 /tmp/wt/s1/admin.key; go GATEWAY_STATE_DIR=/tmp/wt/s1; chmod 600 /tmp/wt/s1/admin.key
echo garbage > /tmp/wt/s1/triptych.db; rm -f /tmp/wt/s1/triptych.db-*; go GATEWAY_STATE_DIR=/tmp/wt/s1
rm -rf /tmp/wt/s2; mkdir /tmp/wt/s2; mkdir /tmp/wt/s2/admin.key; go GATEWAY_STATE_DIR=/tmp/wt/s2
go GATEWAY_STATE_DIR=/tmp/wt/s1 GATEWAY_PORT=1 GATEWAY_HOST=192.0.2.1
go GATEWAY_MAX_ADMITTED_BYTES=10 GATEWAY_TLS_CERT_FILE=/tmp/wt/afile GATEWAY_STATE_DIR=/tmp/wt/s1
