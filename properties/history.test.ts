import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MetricFamily } from '../src/telemetry/exposition.ts'
import { addTotals, growth, totalsOf, withHistory } from '../src/telemetry/history.ts'
import type { Totals } from '../src/telemetry/history.ts'

/** What one process counts: a counter with two labels, and one of the process's own. */
class Process {
  before: Totals
  readonly counts: number[] = [0, 0, 0]
  #told: Totals = {}

  constructor(before: Totals) {
    this.before = before
  }

  families(): MetricFamily[] {
    const samples = this.counts.map((value, n) => ({ labels: { a: String(n), b: 'x y="z"' }, value }))
    const own = {
      name: 'weir_process_cpu_seconds_total',
      help: '',
      type: 'counter' as const,
      samples: [{ value: 9 }],
    }
    const gauge = { name: 'weir_now', help: '', type: 'gauge' as const, samples: [{ value: 5 }] }
    const counter = { name: 'weir_things_total', help: '', type: 'counter' as const, samples }
    return withHistory([counter, own, gauge], this.before)
  }

  lastWord(): Totals {
    this.#told = totalsOf(this.families(), 1000)
    return this.#told
  }

  grown(): Totals {
    return growth(totalsOf(this.families(), 1000), this.#told)
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('count' as const),
      of: fc.nat(3),
      what: fc.nat(2),
      n: fc.nat(5),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drained' as const), of: fc.nat(3) }) },
)

test('however many processes follow one another, and whenever the old ones have drained: what the last one shows in the end is what all of them counted, once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const living: Process[] = [new Process({})]
      const truth = [0, 0, 0]
      const drain = (old: Process): void => {
        living.splice(living.indexOf(old), 1)
        const heir = living.at(-1)!
        heir.before = addTotals(heir.before, old.grown())
      }
      for (const one of steps) {
        if (one.kind === 'count') {
          const process = living[one.of % living.length]!
          process.counts[one.what]! += one.n
          truth[one.what]! += one.n
        } else if (one.kind === 'replace') living.push(new Process(living.at(-1)!.lastWord()))
        else if (living.length > 1) drain(living[one.of % (living.length - 1)]!)
      }
      while (living.length > 1) drain(living[0]!)
      const [counter, own, gauge] = living[0]!.families()
      assert.deepEqual(
        counter!.samples.map(({ value }) => value),
        truth,
      )
      assert.deepEqual([own!.samples[0]!.value, gauge!.samples[0]!.value], [9, 5], 'no history of these')
    }),
  )
})

test('totals are bounded by the number of series', () => {
  const process = new Process({})
  process.counts.splice(0, 3, 1, 2, 3)
  assert.equal(Object.keys(totalsOf(process.families(), 2)).length, 2)
})
