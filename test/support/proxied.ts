import { startWeir } from './weir.ts'
import type { Weir } from './weir.ts'
import { dial } from './wire.ts'
import type { Scope, Wire } from './wire.ts'
import type { Message } from './wire-message.ts'

/** One listener, `web`, before one cluster: YAML of what differs from the defaults. */
export type Setting = {
  readonly endpoints: readonly string[]
  readonly shards?: number
  readonly listener?: string
  readonly cluster?: string
  /** Further top-level keys. */
  readonly more?: string
}

export function settingText({
  endpoints,
  shards = 2,
  listener = '',
  cluster = '',
  more = '',
}: Setting): string {
  return `shards: ${shards}
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0, ${listener} } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: ${JSON.stringify(endpoints)}, ${cluster} } }
drain: { window: 50ms, hard: 5s }
${more}
`
}

export function startProxy(scope: Scope, setting: Setting): Promise<Weir> {
  return startWeir(scope, settingText(setting))
}

export function dialWeir(scope: Scope, weir: Weir, listener = 'web'): Promise<Wire> {
  return dial(scope, weir.addresses().get(listener) ?? '')
}

/** Send bytes on a connection of their own and take the one response. */
export async function exchange(
  scope: Scope,
  weir: Weir,
  request: string,
): Promise<{ readonly wire: Wire; readonly response: Message }> {
  const wire = await dialWeir(scope, weir)
  wire.send(request)
  return { wire, response: await wire.response(request.split(' ')[0]) }
}

export const GET = 'GET / HTTP/1.1\r\nhost: a.example\r\n\r\n'

/** `HTTP/1.1 200 OK` with this body and its length. */
export function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`
}
