import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SIGN, Watch } from '../src/actor/watch.ts'

const LIMIT = 60

/** Moments at which it beat and at which it was looked at, in order. */
const arbStory = fc.array(
  fc.record({
    gapMs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 }) },
      { weight: 1, arbitrary: fc.integer({ min: 20, max: 500 }) },
    ),
    beats: fc.boolean(),
    looks: fc.oneof(
      { weight: 4, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
  }),
  { maxLength: 200 },
)

test('nobody is called silent who beat within the limit, signs alternate, and heard takes the limit without a gap', () => {
  const property = fc.property(arbStory, (story) => {
    const watch = new Watch(1, LIMIT)
    let nowMs = 1000
    let beatMs = 1000
    watch.begin(0, nowMs)
    let silent = false
    let silentSinceMs = 0
    for (const { gapMs, beats, looks } of story) {
      nowMs += gapMs
      if (beats) beatMs = nowMs
      if (!looks) continue
      const sign = watch.look(0, beatMs, nowMs)
      if (sign === SIGN.silent) {
        assert.ok(!silent, 'once')
        assert.ok(nowMs - beatMs > LIMIT, `${nowMs - beatMs}`)
        silentSinceMs = nowMs
        silent = true
      } else if (sign === SIGN.heard) {
        assert.ok(silent, 'only who was silent')
        assert.ok(nowMs - silentSinceMs >= LIMIT, 'lastingly')
        silent = false
      }
      assert.equal(watch.isSilent(0), silent)
    }
  })
  fc.assert(property)
})

test('who does not beat is called silent within the limit and three looks, however rarely it is looked at', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 300 }),
    fc.nat(200),
    fc.nat(50),
    (everyMs, livedMs, ageMs) => {
      const watch = new Watch(1, LIMIT)
      let nowMs = 1000
      watch.begin(0, nowMs)
      for (let lived = 0; lived < livedMs; lived += everyMs) {
        nowMs += everyMs
        assert.equal(watch.look(0, nowMs, nowMs), SIGN.none)
      }
      const lastBeatMs = nowMs + ageMs - 50
      const lookedAtMs = nowMs
      while (watch.look(0, lastBeatMs, (nowMs += everyMs)) !== SIGN.silent) {
        assert.ok(nowMs - lookedAtMs <= LIMIT + 50 + 5 * everyMs)
      }
      assert.ok(nowMs - lastBeatMs > LIMIT)
    },
  )
  fc.assert(property)
})

test('a watcher that was away itself accuses nobody: all were stopped together, and beat again by its second look', () => {
  const property = fc.property(fc.integer({ min: 1, max: 1e7 }), (awayMs) => {
    const watch = new Watch(2, LIMIT)
    watch.begin(0, 0)
    watch.begin(1, 0)
    for (let nowMs = 10; nowMs <= 100; nowMs += 10) {
      assert.equal(watch.look(0, nowMs, nowMs), SIGN.none)
      assert.equal(watch.look(1, nowMs - 5, nowMs), SIGN.none)
    }
    const back = 100 + awayMs
    assert.equal(watch.look(0, 100, back), SIGN.none)
    assert.equal(watch.look(1, 95, back), SIGN.none)
    assert.equal(watch.look(0, back + 9, back + 10), SIGN.none)
    assert.equal(watch.look(1, back + 5, back + 10), SIGN.none)
  })
  fc.assert(property)
})

test('a new life is not judged by the beats of the one before, and one that ended is not judged at all', () => {
  const watch = new Watch(1, LIMIT)
  watch.begin(0, 0)
  for (let nowMs = 10; nowMs <= 70; nowMs += 10) watch.look(0, 0, nowMs)
  watch.end(0)
  for (let nowMs = 80; nowMs <= 300; nowMs += 10) assert.equal(watch.look(0, 0, nowMs), SIGN.none)
  watch.begin(0, 1000)
  assert.equal(watch.isSilent(0), false)
  assert.equal(watch.look(0, 0, 1010), SIGN.none)
  assert.equal(watch.look(0, 1015, 1020), SIGN.none)
})
