import { Pool } from 'undici'
import { dialTarget } from './probe-target.ts'

const CONNECTIONS = 2
const KEEP_MS = 4000

export type KeptAnswer = {
  readonly status: number
  /** The field, if it was sent. */
  readonly report: string | undefined
}

/**
 * Asks the same few servers over and over on connections that are kept, as Prequal's probes must: what is measured is the server, not the
 * handshake. Nothing stays open for an address that is dropped, and nothing at all after `close`.
 */
export class ProbeKeeper {
  readonly #pools = new Map<string, Pool>()

  /** Rejects when it fails or `signal` aborts. */
  async ask(
    question: { readonly address: string; readonly host: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<KeptAnswer> {
    const { address, host, path } = question
    const { statusCode, headers, body } = await this.#pool(address).request({
      method: 'GET',
      path,
      headers: { host, 'user-agent': 'weir-probe' },
      signal,
    })
    await body.dump({ limit: MAX_BODY_BYTES, signal })
    const report = headers['endpoint-load-metrics']
    return { status: statusCode, report: typeof report === 'string' ? report : report?.[0] }
  }

  /** Keep connections to these addresses only. */
  retain(addresses: ReadonlySet<string>): void {
    for (const [address, pool] of this.#pools) {
      if (addresses.has(address)) continue
      this.#pools.delete(address)
      pool.destroy().catch(noop)
    }
  }

  close(): void {
    this.retain(new Set())
  }

  #pool(address: string): Pool {
    const known = this.#pools.get(address)
    if (known !== undefined) return known
    const target = dialTarget(address)
    const origin = 'path' in target ? 'http://localhost' : `http://${address}`
    const pool = new Pool(origin, {
      ...('path' in target ? { socketPath: target.path } : {}),
      allowH2: false,
      connections: CONNECTIONS,
      pipelining: 1,
      maxHeaderSize: 16_384,
      keepAliveTimeout: KEEP_MS,
      keepAliveMaxTimeout: KEEP_MS,
      connect: { timeout: 0 },
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    this.#pools.set(address, pool)
    return pool
  }
}

const MAX_BODY_BYTES = 65_536

function noop(): void {}
