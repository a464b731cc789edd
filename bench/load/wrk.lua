-- wrk's script: `wrk … -s wrk.lua URL -- METHOD BODY_BYTES`. The request is built once; no hook runs per request.
function init(args)
  local size = tonumber(args[2] or "0")
  wrk.method = args[1] or "GET"
  if size > 0 then wrk.body = string.rep("x", size) end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'result {"durationUs":%d,"requests":%d,"bytes":%d,"p50Us":%d,"p99Us":%d,"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.duration, summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
