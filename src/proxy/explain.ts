import { explainDecision } from '../balance/explain.ts'
import { PICK_KIND } from '../balance/pick-request.ts'
import { text } from '../base/bytes.ts'
import type { Rng } from '../base/random.ts'
import type { RingRegion } from '../shm/ring.ts'
import { RingWriter } from '../shm/ring.ts'
import type { ExplainRecord, ExplainTry } from '../telemetry/explain-record.ts'
import { OUTCOME, OUTCOMES } from '../telemetry/outcome.ts'
import type { ExchangeRecord } from '../telemetry/record.ts'
import type { ShardRecorder } from '../telemetry/recorder.ts'
import type { Attempt } from './attempt.ts'
import { REQUEST_ID_BYTES } from './request-id.ts'

/** Bytes of a record: of one that is longer first the lists of candidates go, then what is needed to replay it. */
const MAX_BYTES = 16_384

/** Records a second, for putting one into words costs as much as several requests: an outage must not cost more than the traffic. */
const MOST_A_SECOND = { failed: 500, sampled: 25 } as const

const KIND: readonly ExplainTry['kind'][] = ['first', 'retry', 'hedge']

/** What an exchange that ended is explained with. */
export type Explainable = {
  readonly id: Uint8Array
  readonly cluster: string
  /** In order, those that found nobody included. */
  readonly tries: readonly Attempt[]
}

/**
 * Writes down why requests went where they went: of all that failed or needed more than one try, and of a share of the others. What a pick went by
 * is taken down with every try, in numbers; only what is kept is put into words, as JSON on the shard's ring, and nobody is waited for.
 */
export class Explainer {
  readonly #shard: number
  readonly #rng: Rng
  readonly #recorder: ShardRecorder
  readonly #ring: RingWriter | undefined
  readonly #encoder = new TextEncoder()
  #sample = 0
  #keeps = false
  /** Those of the present second. */
  #second = 0
  readonly #written = { failed: 0, sampled: 0 }

  constructor(region: RingRegion, shard: number, rng: Rng, recorder: ShardRecorder) {
    this.#shard = shard
    this.#rng = rng
    this.#recorder = recorder
    this.#ring = region.capacity === 0 ? undefined : new RingWriter(region)
  }

  configure({ sample, keep }: { readonly sample: number; readonly keep: number }): void {
    this.#sample = sample
    this.#keeps = keep > 0
  }

  /** Decisions are to be taken down. */
  get on(): boolean {
    return this.#keeps && this.#ring !== undefined
  }

  /** Why a record of this exchange is to be kept; undefined: it is not. `refused`: by us, or with a 5xx by the endpoint. */
  wants(outcome: number, refused: boolean, tries: number): ExplainRecord['kept'] | undefined {
    if (!this.on) return undefined
    const fine = outcome === OUTCOME.complete || outcome === OUTCOME['tunnel-closed']
    if (!fine || refused || tries > 1) return 'failed'
    return this.#sample > 0 && (this.#sample >= 1 || this.#rng.next() < this.#sample) ? 'sampled' : undefined
  }

  /** `record`: filled in for the same exchange. */
  write(kept: ExplainRecord['kept'], record: ExchangeRecord, what: Explainable): void {
    if (!this.#mayWrite(kept, record.startedMs + record.durationMs)) {
      this.#recorder.explainSkipped()
      return
    }
    const told: ExplainRecord = {
      id: text(what.id, 0, REQUEST_ID_BYTES),
      at: record.wallStartMs,
      shard: this.#shard,
      cluster: what.cluster,
      outcome: OUTCOMES[record.outcome]!.name,
      status: record.status,
      durationMs: record.durationMs,
      kept,
      tries: explainTries(what.tries, record.startedMs),
    }
    const bytes = this.#fit(told)
    const at = bytes === undefined ? -1 : this.#ring!.reserve(bytes.length)
    if (at < 0) return // counted by the ring
    this.#ring!.bytes.set(bytes!, at)
    this.#ring!.commit(bytes!.length)
  }

  #mayWrite(kept: ExplainRecord['kept'], nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    const written = this.#written
    if (second !== this.#second) {
      this.#second = second
      written.failed = 0
      written.sampled = 0
    }
    return ++written[kept] <= MOST_A_SECOND[kept]
  }

  #fit(record: ExplainRecord): Uint8Array | undefined {
    const shorter = [
      (each: ExplainTry): ExplainTry => each,
      (each: ExplainTry): ExplainTry => ({ ...each, candidates: [], excluded: [] }),
      (each: ExplainTry): ExplainTry => ({ ...each, candidates: [], excluded: [], replay: null }),
    ]
    for (const shorten of shorter) {
      const bytes = this.#encoder.encode(JSON.stringify({ ...record, tries: record.tries.map(shorten) }))
      if (bytes.length <= MAX_BYTES) return bytes
    }
    this.#recorder.explainSkipped()
    return undefined
  }
}

const explainTries = (attempts: readonly Attempt[], exchangeMs: number): ExplainTry[] => {
  const tried: string[] = []
  return attempts.flatMap((attempt) => {
    const picked = explainDecision(attempt.decision, tried)
    const { times, replayed } = attempt
    if (picked.endpoint !== '') tried.push(picked.endpoint)
    const told: ExplainTry = {
      ...picked,
      kind: KIND[attempt.kind]!,
      result: replayed ? 'the connection was stale' : resultOf(attempt),
      startedMs: times.startedMs - exchangeMs,
      tookMs: replayed ? times.replayedMs - times.startedMs : attempt.tookMs,
    }
    if (!replayed) return [told]
    const again: ExplainTry = {
      ...told,
      kind: 'stale-reuse',
      candidates: [],
      excluded: [],
      replay: null,
      result: resultOf(attempt),
      startedMs: times.replayedMs - exchangeMs,
      tookMs: attempt.tookMs - (times.replayedMs - times.startedMs),
    }
    return [told, again]
  })
}

const resultOf = ({ outcome, status, kind, pooled }: Attempt): string => {
  if (!pooled) return kind === PICK_KIND.first ? 'nobody to pick' : 'nobody else to pick'
  if (status !== 0 && outcome === OUTCOME.complete) return `answered ${status}`
  return outcome < 0 ? 'cancelled' : OUTCOMES[outcome]!.name
}
