import { HttpDate } from '../base/clock.ts'
import type { Rng } from '../base/random.ts'
import { Stock } from '../base/stock.ts'
import { ResponseParser } from '../http/h1/response-parser.ts'
import type { Reactor } from '../io/reactor.ts'
import { LoadSample } from '../limit/load-sample.ts'
import type { RetryBudget } from '../limit/retry-budget.ts'
import { Answer } from '../shm/voice.ts'
import { ExchangeRecord, TryRecord } from '../telemetry/record.ts'
import type { ShardRecorder } from '../telemetry/recorder.ts'
import type { Explainer } from './explain.ts'
import { Feedback } from './feedback.ts'
import { Phrases } from './phrases.ts'

/** Bytes and fields of a response's head that we accept from an endpoint, and of its chunk extensions and trailers. */
export const RESPONSE_LIMITS = { head: 65_536, fields: 256, extensions: 16_384, trailers: 16_384 } as const

/** What the exchanges of one shard share. */
export class ProxyContext {
  readonly shard: number
  readonly reactor: Reactor
  readonly recorder: ShardRecorder
  readonly rng: Rng
  readonly budget: RetryBudget
  readonly explainer: Explainer
  /** Which clients the shard's time goes to. */
  readonly load: LoadSample
  readonly phrases: Phrases
  /** Filled anew for every exchange that ends. */
  readonly record: ExchangeRecord = new ExchangeRecord()
  /** … and for every try. */
  readonly tryRecord: TryRecord = new TryRecord()
  /** Likewise, what is said of endpoints. */
  readonly answer: Answer = new Answer()
  readonly feedback: Feedback
  readonly date: HttpDate = new HttpDate()
  readonly responseParsers: Stock<ResponseParser> = new Stock(() => new ResponseParser(RESPONSE_LIMITS))
  /** The access log wants the request's bytes to stay until the exchange ends. */
  logging = false
  /** Where the id of our last own reply stands in `mem`. */
  repliedIdStart = 0

  constructor(parts: Pick<ProxyContext, 'shard' | 'reactor' | 'recorder' | 'rng' | 'budget' | 'explainer'>) {
    this.shard = parts.shard
    this.reactor = parts.reactor
    this.recorder = parts.recorder
    this.rng = parts.rng
    this.budget = parts.budget
    this.explainer = parts.explainer
    this.load = new LoadSample(parts.rng)
    this.feedback = new Feedback(parts.reactor, parts.recorder)
    this.phrases = new Phrases(parts.reactor)
    this.record.mem = parts.reactor.mem
  }
}
