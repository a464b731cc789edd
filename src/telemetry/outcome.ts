/**
 * How an exchange ended, who ended it and why: one small number in the access log, the metrics and the exchange itself.
 * `by` answers "whose fault": `none` means a complete response reached the client.
 */
export type EndedBy = 'none' | 'client' | 'upstream' | 'us'

export type OutcomeFacts = { readonly name: string; readonly by: EndedBy }

const table = [
  { name: 'complete', by: 'none' },
  { name: 'client-abort', by: 'client' }, // went away before the response was complete
  { name: 'client-reset', by: 'client' },
  { name: 'client-timeout', by: 'client' }, // stopped sending or reading, or is too slow at it
  { name: 'request-rejected', by: 'client' }, // malformed, over a limit, no such host
  { name: 'head-timeout', by: 'client' },
  { name: 'no-route', by: 'client' },
  { name: 'no-endpoint', by: 'us' },
  { name: 'queue-full', by: 'us' },
  { name: 'queue-timeout', by: 'us' },
  { name: 'connect-refused', by: 'upstream' },
  { name: 'connect-unreachable', by: 'upstream' },
  { name: 'connect-timeout', by: 'upstream' },
  { name: 'upstream-reset', by: 'upstream' },
  { name: 'upstream-closed', by: 'upstream' }, // FIN before the response was complete
  { name: 'upstream-timeout', by: 'upstream' },
  { name: 'upstream-malformed', by: 'upstream' },
  { name: 'tunnel-closed', by: 'none' },
  { name: 'tunnel-timeout', by: 'us' },
  { name: 'overloaded', by: 'us' }, // our own bounded memory was exhausted
  { name: 'shutdown', by: 'us' },
  { name: 'shard-lost', by: 'us' }, // its shard died, and nobody could go on with it
  { name: 'shed', by: 'us' }, // the shard was late with all it had to do, and refused a share of it
] as const

export type OutcomeName = (typeof table)[number]['name']

export const OUTCOMES: readonly OutcomeFacts[] = table

/** Name → number, as stored in columns and log records. */
export const OUTCOME: Readonly<Record<OutcomeName, number>> = Object.fromEntries(
  table.map((facts, index) => [facts.name, index]),
) as Record<OutcomeName, number>
