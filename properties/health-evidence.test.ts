import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAgentLine } from '../src/health/agent-check.ts'
import { CheckRun } from '../src/health/checks.ts'
import { FailureRun } from '../src/health/failure-run.ts'
import { Happenings } from '../src/health/happenings.ts'
import { SlidingWindow, WINDOW_BUCKETS } from '../src/health/window.ts'

test('rise and fall: strictly in a row; interleaved passes and failures never turn it (caddy PR #7625)', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 100 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (results, rise, fall) => {
        const run = new CheckRun(false)
        let down = false
        for (const [i, passed] of results.entries()) {
          run.note(passed, rise, fall)
          // the naive model: look back over the list
          const lastOf = (count: number): readonly boolean[] =>
            results.slice(Math.max(0, i + 1 - count), i + 1)
          if (!down && i + 1 >= fall && lastOf(fall).every((each) => !each)) down = true
          else if (down && i + 1 >= rise && lastOf(rise).every(Boolean)) down = false
          assert.equal(run.down, down)
        }
      },
    ),
  )
  const alternating = new CheckRun(false)
  for (let i = 0; i < 1000; i++) assert.equal(alternating.note(i % 2 === 0, 2, 2), 'same')
})

const record = fc.record({ at: fc.integer({ min: 0, max: 50 }), failed: fc.boolean() })

test('failures in a row are counted in the order of time, whatever the order in which they are heard', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(record, { maxLength: 40, selector: ({ at }) => at }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 30 }),
      fc.infiniteStream(fc.nat()),
      (records, limit, gapMs, chance) => {
        const run = new FailureRun(limit, gapMs)
        const shuffled = records
          .map((each) => ({ each, key: chance.next().value }))
          .sort((a, b) => a.key - b.key)
          .map(({ each }) => each)
        for (const { at, failed } of shuffled) {
          if (failed) run.failure(at)
          else run.success(at)
        }
        const sorted = records.toSorted((a, b) => a.at - b.at)
        let length = 0
        let before = -Infinity
        for (const { at, failed } of sorted) {
          if (!failed) length = 0
          else length = length > 0 && at - before <= gapMs ? length + 1 : 1
          if (failed) before = at
        }
        assert.equal(run.length, Math.min(limit, length))
      },
    ),
  )
})

test('a window totals what lies in its buckets, in whatever order it comes, also after a jump of the clock', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.integer({ min: 0, max: 4000 }), value: fc.integer({ min: 0, max: 9 }) })),
      fc.integer({ min: 0, max: 5000 }),
      (samples, laterMs) => {
        const window = new SlidingWindow(900)
        const bucketMs = 900 / WINDOW_BUCKETS
        let newest = -1
        const model: { bucket: number; value: number }[] = []
        for (const { at, value } of samples) {
          window.add(at, value)
          const bucket = Math.floor(at / bucketMs)
          newest = Math.max(newest, bucket)
          model.push({ bucket, value })
        }
        const last = Math.floor(Math.max(laterMs, newest * bucketMs) / bucketMs)
        window.total((last + 0.5) * bucketMs)
        const live = model.filter(({ bucket }) => bucket > last - WINDOW_BUCKETS)
        assert.equal(window.count, live.length)
        assert.equal(
          window.sum,
          live.reduce((sum, { value }) => sum + value, 0),
        )
      },
    ),
  )
})

test('what several shards said in one round is told by time, and of one shard in its own order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 8 }), { maxLength: 4 }),
      (shards) => {
        const happenings = new Happenings()
        const heard = shards.flatMap((times, shard) =>
          times.toSorted((a, b) => a - b).map((atMs, order) => ({ atMs, id: shard * 100 + order })),
        )
        for (const { atMs, id } of heard)
          Object.assign(happenings.add(), {
            failed: true,
            slot: id,
            code: 0,
            atMs,
            firstByteMs: 0,
            totalMs: 0,
          })
        const told: { atMs: number; id: number }[] = []
        happenings.drain(({ atMs, slot }) => told.push({ atMs, id: slot }))
        assert.deepEqual(
          told,
          heard
            .map((each, index) => ({ ...each, index }))
            .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
            .map(({ atMs, id }) => ({ atMs, id })),
        )
        assert.equal(happenings.count, 0)
      },
    ),
  )
})

test('an agent may say anything: it is read without a throw, the share is within 0 … 1, the reason is short and printable', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      const { share = 0, weight = 0, why } = parseAgentLine(text)
      assert.ok(share >= 0 && share <= 1 && weight >= 0 && weight <= 1_000_000)
      assert.match(why, /^[\x20-\x7E]{0,80}$/)
    }),
  )
})

const words = fc.record(
  {
    percent: fc.integer({ min: 0, max: 100 }),
    maxconn: fc.integer({ min: 0, max: 9999 }),
    wish: fc.constantFrom('ready', 'drain', 'maint'),
    health: fc.constantFrom('up', 'down'),
  },
  { requiredKeys: [] },
)

test('every combination of HAProxy’s words, parted by anything it allows, is read back as it was said', () => {
  fc.assert(
    fc.property(
      words,
      fc.constantFrom(' ', '\t', ',', ', '),
      fc.constantFrom('\n', '\r\n', ''),
      (said, gap, end) => {
        const parts = [
          ...(said.percent === undefined ? [] : [`${said.percent}%`]),
          ...(said.maxconn === undefined ? [] : [`maxconn:${said.maxconn}`]),
          ...(said.wish === undefined ? [] : [said.wish]),
          ...(said.health === undefined ? [] : [said.health]),
        ]
        const word = parseAgentLine(parts.join(gap) + end + 'rest 50%')
        assert.deepEqual(
          [word.share, word.maxConnections, word.wish, word.health, word.unknown],
          end === ''
            ? [0.5, word.maxConnections, word.wish, word.health, word.unknown]
            : [
                said.percent === undefined ? undefined : said.percent / 100,
                said.maxconn,
                said.wish,
                said.health,
                0,
              ],
        )
      },
    ),
  )
})
