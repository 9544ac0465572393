-- wrk sends the requests of these files in turn, and tells what came of it as a line of JSON.

local requests, sent = {}, 0

function init(files)
   for number, name in ipairs(files) do
      local file = assert(io.open(name, "rb"))
      requests[number] = file:read("*a")
      file:close()
   end
end

function request()
   sent = sent + 1
   return requests[sent % #requests + 1]
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "errors": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f}\n',
      summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
      summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
