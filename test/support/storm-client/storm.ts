import type { Rng } from '../../../src/base/random.ts'
import { StormClient } from './client.ts'
import { Ledger } from './ledger.ts'
import { StormTunnel } from './tunnel.ts'
import type { Wish } from './wish.ts'

/** Who is out in the storm. */
export type Crowd = {
  /** Keep-alive connections that ask one request after the other, without a pause. */
  readonly busy: number
  /** Keep-alive connections that ask one now and then, and one at the end; never on another connection. */
  readonly idle: number
  /** On average, per idle connection. */
  readonly idleEveryMs: number
  /** Connections a second that are made for one request. */
  readonly newPerSecond: number
  /** Of the busy ones' requests. */
  readonly postShare: number
  readonly tunnels: number
}

export const CROWD: Crowd = {
  busy: 16,
  idle: 100,
  idleEveryMs: 3000,
  newPerSecond: 20,
  postShare: 0,
  tunnels: 2,
}

const TICK_MS = 10
/** Of all storms of this process: they may have a backend in common, which knows what is done twice by its id. */
let lastId = 0
/** Whoever could not connect tries again after this. */
const AGAIN_MS = 20

/** Clients of a proxy at full load, whose ledger says what became of each of their requests. */
export class Storm {
  readonly ledger: Ledger = new Ledger()
  readonly #address: string
  readonly #crowd: Crowd
  readonly #rng: Rng
  readonly #idle: StormClient[] = []
  readonly #tunnels: StormTunnel[] = []
  readonly #loops: Promise<unknown>[] = []
  readonly #visits = new Set<Promise<unknown>>()
  #over = false
  #timer: NodeJS.Timeout | undefined

  constructor(address: string, crowd: Crowd, rng: Rng) {
    this.#address = address
    this.#crowd = crowd
    this.#rng = rng
  }

  /** Resolves when the idle ones and the tunnels are connected and the busy ones are at work. */
  async begin(): Promise<void> {
    const { busy, idle, tunnels } = this.#crowd
    const account = this.ledger.account('idle')
    for (let at = 0; at < idle; at += 50) {
      const some = Array.from({ length: Math.min(50, idle - at) }, () => this.#settle(account.name))
      this.#idle.push(...(await Promise.all(some)))
    }
    for (let at = 0; at < tunnels; at++) {
      const tunnel = new StormTunnel(this.ledger.account('tunnel'))
      this.#tunnels.push(tunnel)
      await tunnel.connect(this.#address)
      this.#loops.push(this.#talk(tunnel, at))
    }
    for (let at = 0; at < busy; at++) this.#loops.push(this.#work())
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** No new requests; each idle connection makes its last one; then all is closed. */
  async end(): Promise<void> {
    this.#over = true
    clearInterval(this.#timer)
    await Promise.all(this.#loops)
    await Promise.all(this.#visits)
    const standing = this.#idle.filter(({ connected }) => connected)
    await Promise.all(standing.map((client) => client.ask(this.#small())))
    for (const client of this.#idle) client.close()
    for (const tunnel of this.#tunnels) tunnel.close()
  }

  /** Idle connections and tunnels that are still the ones they were. */
  get standing(): { readonly idle: number; readonly tunnels: number } {
    return {
      idle: this.#idle.filter(({ connected }) => connected).length,
      tunnels: this.#tunnels.filter(({ open }) => open).length,
    }
  }

  async #settle(name: string): Promise<StormClient> {
    const client = new StormClient(this.#address, this.ledger.account(name))
    if (await client.connect()) await client.ask(this.#small())
    return client
  }

  async #work(): Promise<void> {
    const gets = new StormClient(this.#address, this.ledger.account('busy'))
    const posts = new StormClient(this.#address, this.ledger.account('busy POST'))
    while (!this.#over) {
      const client = this.#rng.next() < this.#crowd.postShare ? posts : gets
      if (client.connected || (await client.connect())) {
        await client.ask(this.#any(client === posts ? 'POST' : 'GET'))
      } else await pause(AGAIN_MS)
    }
    gets.close()
    posts.close()
  }

  async #talk(tunnel: StormTunnel, index: number): Promise<void> {
    for (let turn = 0; !this.#over && tunnel.open; turn++) {
      await tunnel.say(`<${index}:${turn}>`.repeat(1 + this.#rng.below(400)))
      await pause(5)
    }
  }

  /** Now and then somebody comes, and an idle one asks. */
  #tick(): void {
    const { idle, idleEveryMs, newPerSecond } = this.#crowd
    for (let due = this.#due((newPerSecond * TICK_MS) / 1000); due > 0; due--) this.#keep(this.#visit())
    for (let due = this.#due((idle * TICK_MS) / idleEveryMs); due > 0; due--) {
      const client = this.#idle[this.#rng.below(Math.max(1, this.#idle.length))]
      if (client?.connected && !client.busy) this.#keep(client.ask(this.#small()))
    }
  }

  #due(expected: number): number {
    return Math.floor(expected) + (this.#rng.next() < expected % 1 ? 1 : 0)
  }

  #keep(visit: Promise<unknown>): void {
    this.#visits.add(visit)
    void visit.finally(() => this.#visits.delete(visit))
  }

  async #visit(): Promise<void> {
    const account = this.ledger.account('new')
    const client = new StormClient(this.#address, account)
    const beganMs = performance.now()
    if ((await client.connect()) && (await client.ask(this.#small())) === 'answered') {
      account.visits.add(performance.now() - beganMs)
    }
    client.close()
  }

  #small(): Wish {
    return { id: ++lastId, method: 'GET', size: 20, chunked: false, delayMs: 0, pauseMs: 0 }
  }

  /** Most are small and at once; some are long, some stop in the middle, so that a kill finds them there. */
  #any(method: Wish['method']): Wish {
    const rng = this.#rng
    const long = rng.next() < 0.1
    const size = method === 'POST' ? rng.below(4000) : long ? rng.below(200_000) : rng.below(2000)
    return {
      id: ++lastId,
      method,
      size,
      chunked: rng.next() < 0.3,
      delayMs: rng.next() < 0.05 ? 1 + rng.below(20) : 0,
      pauseMs: rng.next() < 0.05 ? 1 + rng.below(20) : 0,
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
