import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NO_PICK } from '../src/balance/policy.ts'
import { RingHash } from '../src/balance/ring-hash.ts'
import { hashPair } from '../src/base/hash.ts'
import { chiSquare, chiSquareLimit } from '../test/support/balance.ts'
import {
  anyFleet,
  equalFleet,
  few,
  fleetView,
  HASHING,
  KEYS,
  keysOf,
  made,
  ownersOf,
  rng,
} from '../test/support/hashing.ts'
import type { Hashing } from '../test/support/hashing.ts'

for (const [name, make] of Object.entries(HASHING)) {
  test(`${name}: of none there is no pick, of one only that, of two either`, () => {
    const empty = fleetView([])
    assert.equal(made(make, empty).pick(empty, 1, rng), NO_PICK)
    assert.deepEqual(new Set(ownersOf(make, [{ id: 7, weight: 3 }])), new Set([7]))
    const two = [
      { id: 1, weight: 1 },
      { id: 2, weight: 1 },
    ]
    assert.deepEqual(new Set(ownersOf(make, two)), new Set([1, 2]))
  })

  test(`${name}: where an endpoint stands in the view does not matter, nor what was there before`, () => {
    fc.assert(
      fc.property(anyFleet, anyFleet, fc.nat(), (fleet, earlier, by) => {
        const turned = fleet.map((_, at) => fleet[(at + by) % fleet.length]!).toReversed()
        const used = make()
        used.rebuild(fleetView(earlier), rng)
        const again = (): Hashing => used
        const owners = ownersOf(make, fleet)
        assert.deepEqual(ownersOf(make, turned), owners)
        assert.deepEqual(ownersOf(again, fleet), owners)
      }),
      few,
    )
  })

  test(`${name}: of many keys not one goes elsewhere when the view is turned round`, () => {
    const keys = keysOf(20_000)
    for (const unequal of [0, 4]) {
      const fleet = Array.from({ length: 50 }, (_, id) => ({ id, weight: 1 + (id % (1 + unequal)) }))
      assert.deepEqual(ownersOf(make, fleet.toReversed(), keys), ownersOf(make, fleet, keys))
    }
  })

  test(`${name}: a request without a key is drawn by the shares it says it has, which follow the weights`, () => {
    const fleet = [1, 2, 3, 5, 5, 8].map((w, id) => ({ id, weight: w * 10 }))
    const view = fleetView(fleet)
    const policy = made(make, view)
    const shares = fleet.map((_, index) => policy.propensity(view, 0, index))
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9)
    const counts = fleet.map(() => 0)
    for (let i = 0; i < 20_000; i++) counts[policy.pick(view, 0, rng)]!++
    assert.ok(chiSquare(counts, shares) < chiSquareLimit(fleet.length - 1))
    // Five standard deviations of a ring with 512 points to the mean weight; the others are closer.
    fleet.forEach(({ weight: w }, at) => {
      const due = w / 240
      assert.ok(Math.abs(shares[at]! - due) < 5 * due * Math.sqrt(40 / w / 512), `${w}: ${shares[at]!}`)
    })
  })

  test(`${name}: the propensity of a key is certainty`, () => {
    const fleet = Array.from({ length: 9 }, (_, id) => ({ id, weight: 1 + (id % 3) }))
    const view = fleetView(fleet)
    const policy = made(make, view)
    for (const key of KEYS) {
      const index = policy.pick(view, key, rng)
      fleet.forEach((_, other) => assert.equal(policy.propensity(view, key, other), other === index ? 1 : 0))
    }
  })

  test(`${name}: ten thousand endpoints are each found by some key, near addresses of equal hashes among them (traefik #12306)`, () => {
    const fleet = Array.from({ length: 10_000 }, (_, id) => ({ id, weight: 1 }))
    const view = fleetView(fleet)
    view.hashes[77] = view.hashes[7_777]!
    view.hashes[7_778] = view.hashes[7_777]!
    const policy = made(make, view)
    if (name === 'rendezvous') {
      // O(n): the three only, side by side, stand for the rest.
      const three = fleetView(fleet.slice(0, 3))
      three.hashes.fill(5)
      const small = made(make, three)
      assert.equal(new Set(KEYS.map((key) => small.pick(three, key, rng))).size, 3)
      return
    }
    const found = new Set<number>()
    for (let key = 1; found.size < 10_000; key++) {
      found.add(policy.pick(view, key, rng))
      assert.ok(key < 20_000_000, `${found.size} found`)
    }
  })
}

for (const name of ['ring hash', 'rendezvous']) {
  test(`${name}: when one of equal weights goes exactly its keys move, when it comes back they return`, () => {
    fc.assert(
      fc.property(equalFleet(3), fc.nat(), (fleet, which) => {
        const gone = fleet[which % fleet.length]!
        const before = ownersOf(HASHING[name]!, fleet)
        const after = ownersOf(
          HASHING[name]!,
          fleet.filter((one) => one !== gone),
        )
        before.forEach((owner, at) => {
          if (owner === gone.id) assert.notEqual(after[at], gone.id)
          else assert.equal(after[at], owner)
        })
      }),
      few,
    )
  })
}

test('rendezvous: of any weights too', () => {
  fc.assert(
    fc.property(anyFleet, fc.nat(), (fleet, which) => {
      if (fleet.length < 2) return
      const gone = fleet[which % fleet.length]!
      const before = ownersOf(HASHING['rendezvous']!, fleet)
      const after = ownersOf(
        HASHING['rendezvous']!,
        fleet.filter((one) => one !== gone),
      )
      before.forEach((owner, at) => assert.ok(owner === gone.id || owner === after[at]))
    }),
    few,
  )
})

test('rendezvous = the greatest u^(1/weight) of all, taken one by one', () => {
  fc.assert(
    fc.property(anyFleet, (fleet) => {
      const view = fleetView(fleet)
      const policy = made(HASHING['rendezvous']!, view)
      for (const key of KEYS.slice(0, 100)) {
        const draws = fleet.map(({ weight: w }, index) => {
          const u = 1 - ((hashPair(view.hashes[index]!, key) >>> 0) + 0.5) / 2 ** 32
          return Math.log(u) / w
        })
        assert.equal(policy.pick(view, key, rng), draws.indexOf(Math.max(...draws)))
      }
    }),
    few,
  )
})

test('ring hash = the next point in an independent, sorted ring', () => {
  fc.assert(
    fc.property(equalFleet(2), (fleet) => {
      const view = fleetView(fleet)
      const policy = made(() => new RingHash({ minSize: 16, maxSize: 4096 }), view)
      // What a key is turned into is not the policy's to say; whose arcs follow each other, and how long they are, is.
      const points = fleet
        .flatMap((_, index) => {
          const shares = Math.max(1, Math.round(policyPoints(fleet[0]!.weight) * fleet[0]!.weight))
          return Array.from({ length: shares }, (_none, point) => ({
            at: hashPair(view.hashes[index]!, point) >>> 0,
            index,
          }))
        })
        .toSorted((a, b) => a.at - b.at)
      const arcs = fleet.map(() => 0)
      points.forEach(({ at, index }, i) => {
        arcs[index]! += i === 0 ? at + 2 ** 32 - points.at(-1)!.at : at - points[i - 1]!.at
      })
      arcs.forEach((arc, index) => {
        assert.ok(Math.abs(policy.propensity(view, 0, index) - arc / 2 ** 32) < 1e-12)
      })
    }),
    few,
  )
})

/** Points per unit of weight of a ring with a `minSize` of 16: 8 to the mean endpoint, in steps of 2^(1/4). */
const policyPoints = (mean: number): number => {
  for (let step = -100; ; step++) if (2 ** (step / 4) * mean >= 8 - 1e-8) return 2 ** (step / 4)
}

test('ring hash: of any weights, at most its own keys and those of one step of scale, 16 %, move (and slack for 400 keys)', () => {
  fc.assert(
    fc.property(anyFleet, fc.nat(), (fleet, which) => {
      if (fleet.length < 3) return
      const gone = fleet[which % fleet.length]!
      const rest = fleet.filter((one) => one !== gone)
      // One that weighs more than all others moves the mean by more than a step.
      const sum = rest.reduce((of, one) => of + one.weight, 0)
      const steps = Math.ceil(
        Math.abs(4 * Math.log2((sum + gone.weight) / fleet.length / (sum / rest.length))),
      )
      const before = ownersOf(HASHING['ring hash']!, fleet)
      const after = ownersOf(HASHING['ring hash']!, rest)
      const moved = before.filter((owner, at) => owner !== gone.id && owner !== after[at]).length
      assert.ok(moved / KEYS.length <= 1 - 2 ** (-steps / 4) + 0.1, `${moved} of ${KEYS.length}`)
    }),
    few,
  )
})

test('maglev: places are shared to one by weight; a feather has one', () => {
  fc.assert(
    fc.property(anyFleet, (fleet) => {
      const view = fleetView(fleet)
      const policy = made(HASHING['maglev']!, view)
      const sum = fleet.reduce((of, one) => of + one.weight, 0)
      fleet.forEach(({ weight: w }, index) => {
        const places = policy.propensity(view, 0, index) * 65_537
        const due = (65_537 * w) / sum
        const least = (due * (65_537 - fleet.length)) / 65_537
        assert.ok(
          places >= 1 - 1e-6 && places <= due + 1 + 1e-6 && places >= least - 1e-6,
          `${places} of ${due}`,
        )
      })
    }),
    { numRuns: 10 },
  )
})

test('maglev: when one of n goes, at most 1.5 % of the keys of others move (measured: 0.6 % at most, around n = 500)', () => {
  const keys = keysOf(20_000)
  for (const size of [2, 3, 10, 50, 200, 500, 1000]) {
    const fleet = Array.from({ length: size }, (_, id) => ({ id, weight: 1 + (id % 2) }))
    const gone = fleet[size >> 1]!
    const before = ownersOf(HASHING['maglev']!, fleet, keys)
    const after = ownersOf(
      HASHING['maglev']!,
      fleet.filter((one) => one !== gone),
      keys,
    )
    const moved = before.filter((owner, at) => owner !== gone.id && owner !== after[at]).length
    assert.ok(moved / keys.length < 0.015, `${size}: ${moved}`)
  }
})
