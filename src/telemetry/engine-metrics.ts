import type { MetricType } from './exposition.ts'

type EngineMetric = { readonly name: string; readonly help: string; readonly type: MetricType }

const counter = (name: string, help: string): EngineMetric => ({
  name: `weir_engine_${name}_total`,
  help,
  type: 'counter',
})
const gauge = (name: string, help: string): EngineMetric => ({
  name: `weir_engine_${name}`,
  help,
  type: 'gauge',
})

/** The engine's own counters (`ENGINE_STATS` of the engine port), by their names there. */
export const ENGINE_METRICS: Readonly<Record<string, EngineMetric>> = {
  accepted: counter('accepted', 'Connections accepted.'),
  refusedOverLimit: counter(
    'refused',
    'Connections closed at once: the limit of the process was reached, or it had no descriptor left.',
  ),
  acceptExhausted: counter('accept_exhausted', 'Accepts that failed for want of descriptors or memory.'),
  acceptAborted: counter('accept_aborted', 'Connections whose peer left before they were accepted.'),
  connects: counter('connects', 'Connections attempted.'),
  connectFailures: counter('connect_failures', 'Connections that could not be made.'),
  bytesIn: counter('received_bytes', 'Bytes read from sockets.'),
  bytesOut: counter('sent_bytes', 'Bytes written to sockets.'),
  bytesRelayed: counter('relayed_bytes', 'Bytes moved from socket to socket by the engine alone.'),
  resets: counter('resets', 'Connections that broke.'),
  staleEvents: counter('stale_events', 'Events dropped: their connection was gone.'),
  staleOps: counter('stale_ops', 'Operations dropped: their connection was gone.'),
  badOps: counter('bad_ops', 'Operations dropped: out of bounds.'),
  overflows: counter('overflows', 'Connections reset: their output queue passed its cap.'),
  lingerTimeouts: counter('linger_timeouts', 'Closed connections given up on before the peer was done.'),
  open: gauge('connections', 'Connections of the engine, lingering ones included.'),
  queuedBytes: gauge('queued_bytes', 'Output queued in native memory.'),
  ticks: counter('ticks', 'Batches.'),
  events: counter('events', 'Events.'),
}
