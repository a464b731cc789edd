import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SlotsExhausted, SlotTable } from '../src/config/slots.ts'
import { Reclaimer } from '../src/control/reclaim.ts'
import { LoadReport } from '../src/shm/beliefs.ts'
import type { Fleet } from '../src/shm/fleet.ts'
import { FleetView } from '../src/shm/fleet-view.ts'
import { GAUGE, GAUGE_WORDS } from '../src/shm/layout.ts'
import { HealthVoice, MainVoice } from '../src/shm/other-voices.ts'
import { AdminWord, Verdict } from '../src/shm/tables.ts'
import { Answer, FleetVoice } from '../src/shm/voice.ts'
import { smallFleet } from '../test/support/fleet.ts'

const SHARDS = 2
const SLOTS = 2
const REST_MS = 50

/** An endpoint; all that is ever said of it is its number. */
type Tenant = {
  readonly number: number
  readonly slot: number
  readonly generation: number
  named: boolean
  released: boolean
  readonly live: { readonly shard: number; readonly startMs: number }[]
}

const KINDS = ['come', 'come', 'go', 'rest', 'rest', 'adopt', 'begin', 'end', 'say', 'late', 'fold'] as const
const steps = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), who: fc.nat(20), shard: fc.nat(SHARDS - 1), x: fc.nat(60) }),
  { maxLength: 150, size: 'max' },
)

class Hotel {
  readonly fleet: Fleet = smallFleet({ shards: SHARDS, endpoints: SLOTS, ringRecords: 32 })
  readonly views: FleetView[] = ([0, 1, 'health'] as const).map((actor) => new FleetView(this.fleet, actor))
  /** Who, in the eyes of each view, is in each slot. */
  readonly guests: (Tenant | undefined)[][] = this.views.map(() => [])
  readonly voices: FleetVoice[] = [0, 1].map((shard) => new FleetVoice(this.fleet, shard, this.views[shard]))
  readonly tenants: Tenant[] = []
  readonly #slots = new SlotTable({ listener: 0, cluster: 0, endpoint: SLOTS })
  readonly #reclaimer = new Reclaimer(this.fleet, REST_MS)
  readonly #health = new HealthVoice(this.fleet)
  readonly #main = new MainVoice(this.fleet)
  #nowMs = 1

  get #staying(): Tenant[] {
    return this.tenants.filter(({ released }) => !released)
  }

  come(): void {
    const number = this.tenants.length + 1
    try {
      const slot = this.#slots.endpoint('cluster', `endpoint ${number}`)
      const generation = this.#slots.generation(slot)
      this.tenants.push({ number, slot, generation, named: true, released: false, live: [] })
    } catch (thrown) {
      assert.ok(thrown instanceof SlotsExhausted)
    }
  }

  /** Time passes; slots that nobody named for long enough, and nobody counts on, are free. */
  rest(ms: number): void {
    this.#nowMs += ms
    const unused = this.#staying.filter(({ named }) => !named)
    const ids = { listener: [], cluster: [], endpoint: unused.map(({ slot }) => slot) }
    const free = this.#reclaimer.reclaim(ids, this.#nowMs)
    for (const tenant of unused.filter(({ slot }) => free.endpoint.includes(slot))) {
      assert.equal(tenant.live.length, 0, 'a slot is given away while exchanges live on it')
      tenant.released = true
    }
    this.#slots.release(free)
  }

  adopt(at: number): void {
    for (const tenant of this.#staying) {
      this.views[at]!.adopt(tenant.slot, tenant.generation, 1000)
      this.guests[at]![tenant.slot] = tenant
    }
  }

  begin(tenant: Tenant, shard: number): void {
    this.fleet.stripe(shard).endpointGauges[tenant.slot * GAUGE_WORDS + GAUGE.inFlight]!++
    this.voices[shard]!.began(tenant.slot, tenant.generation, this.#nowMs)
    tenant.live.push({ shard, startMs: this.#nowMs })
    const { number } = tenant
    const answer = { status: 200, firstByteMs: number, totalMs: number, cost: number }
    this.voices[shard]!.answered(tenant.slot, Object.assign(new Answer(), answer))
    this.voices[shard]!.probed(tenant.slot, number, number)
  }

  end(tenant: Tenant): void {
    const exchange = tenant.live.pop()
    if (exchange === undefined) return
    const { shard, startMs } = exchange
    this.fleet.stripe(shard).endpointGauges[tenant.slot * GAUGE_WORDS + GAUGE.inFlight]!--
    this.voices[shard]!.ended(tenant.slot, startMs)
    this.voices[shard]!.flush(this.#nowMs)
  }

  /** The health actor and main speak of it, whether it is still there or not. */
  say(tenant: Tenant): void {
    const { number, slot, generation } = tenant
    this.#health.nowMs = this.#main.nowMs = this.#nowMs
    const load = { utilisation: number, qps: number, eps: number }
    this.#health.report(tenant, Object.assign(new LoadReport(), load))
    this.#health.probed(tenant, number, number)
    const verdict = { generation, sinceMs: number, ejections: number, share: number, state: 1 }
    this.#health.verdict(slot, Object.assign(new Verdict(), verdict))
    this.#main.admin(slot, Object.assign(new AdminWord(), { generation, weight: number }))
  }

  run({
    kind,
    who,
    shard,
    x,
  }: {
    kind: (typeof KINDS)[number]
    who: number
    shard: number
    x: number
  }): void {
    const staying = this.#staying
    const tenant = staying[who % Math.max(1, staying.length)]
    const anybody = this.tenants[who % Math.max(1, this.tenants.length)]
    if (kind === 'come') this.come()
    else if (kind === 'rest') this.rest(x)
    else if (kind === 'adopt') this.adopt(who % this.views.length)
    else if (kind === 'fold') this.views[who % this.views.length]!.fold(this.#nowMs)
    else if (kind === 'late' && anybody !== undefined) this.say(anybody)
    else if (tenant === undefined) return
    else if (kind === 'go') tenant.named = false
    else if (kind === 'begin') this.begin(tenant, shard)
    else if (kind === 'end') this.end(tenant)
    else if (kind === 'say') this.say(tenant)
  }

  /** Whatever a view shows of a slot was said of whom it takes to be there. */
  check(): void {
    for (const [at, view] of this.views.entries()) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const guest = this.guests[at]![slot]
        if (guest === undefined) continue
        const { cost, utilisation, probedRif, sinceMs, ejections, adminWeight } = view
        for (const column of [cost, utilisation, probedRif, sinceMs, ejections])
          assert.ok(column[slot] === 0 || column[slot] === guest.number, `${column[slot]} of ${guest.number}`)
        assert.ok(Number.isNaN(adminWeight[slot]) || adminWeight[slot] === guest.number)
      }
    }
  }

  settle(): void {
    for (const [at, view] of this.views.entries()) {
      this.adopt(at)
      this.voices[at]?.flush(this.#nowMs)
      view.fold(this.#nowMs)
    }
    for (const view of this.views) view.fold(this.#nowMs)
    for (const { slot, live } of this.#staying)
      for (const [at, view] of this.views.entries())
        assert.equal(view.inFlight[slot], live.filter(({ shard }) => shard !== at).length)
  }
}

test('a slot is given away only when nobody can still name its tenant, and nothing said of an earlier tenant, however late, is ever shown of a later one', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const hotel = new Hotel()
      for (const step of script) {
        hotel.run(step)
        hotel.check()
      }
      hotel.settle()
      hotel.check()
    }),
    { numRuns: 300 },
  )
})
