import { NO_PICK } from '../../balance/policy.ts'
import type { Policy } from '../../balance/policy.ts'
import { VIEW_COLUMNS } from '../../balance/columns.ts'
import { seededRng } from '../../base/random.ts'
import type { Sfc32 } from '../../base/random.ts'
import { frequencySlack } from '../statistics.ts'
import { disturb, forAll, makeView, pickOnce } from './law.ts'
import type { Law, Subject } from './law.ts'

/** What the interface promises, on views in which anything may stand. */

const SIZES = [0, 1, 2, 3, 7, 40, 0, 1, 10_000, 5]
const WEIGHTS = [1, 1, 3, 1_000_000, 1, 2, 100]

const anyWeights = (size: number, rng: Sfc32): number[] =>
  Array.from({ length: size }, () => WEIGHTS[rng.below(WEIGHTS.length)] ?? 1)

/** A story of views with something done at each step; what it returns ends the story, '' goes on. */
const story = (
  { make }: Subject,
  seed: number,
  step: (policy: Policy, view: ReturnType<typeof makeView>, rng: Sfc32) => string,
): string => {
  const rng = seededRng(seed)
  const policy = make()
  for (const [epoch, size] of SIZES.entries()) {
    const view = makeView(size, anyWeights(size, rng))
    view.epoch = epoch
    view.nowMs = 1_000_000
    disturb(view, rng)
    policy.rebuild(view, rng)
    for (let i = 0; i < 60; i++) {
      if (i % 20 === 10) disturb(view, rng)
      const seen = step(policy, view, rng)
      if (seen !== '') return `with ${size} endpoints: ${seen}`
    }
  }
  return ''
}

const inRange: Law = {
  name: 'a pick is one of the endpoints, and there is one if there are any',
  excludes: '',
  exempt: forAll,
  check: (subject, seed) =>
    story(subject, seed, (policy, view, rng) => {
      const index = pickOnce(policy, view, rng.uint32(), rng)
      const fits =
        view.size === 0 ? index === NO_PICK : Number.isInteger(index) && index >= 0 && index < view.size
      return fits ? '' : `picked ${index}`
    }),
}

const readsOnly: Law = {
  name: 'a pick changes nothing in the view',
  excludes: '',
  exempt: forAll,
  check: (subject, seed) =>
    story(subject, seed, (policy, view, rng) => {
      if (view.size > 100) return ''
      const before = VIEW_COLUMNS.map((name) => [...view[name]].join())
      pickOnce(policy, view, rng.uint32(), rng)
      const at = VIEW_COLUMNS.findIndex((name, i) => [...view[name]].join() !== before[i])
      return at < 0 ? '' : `${VIEW_COLUMNS[at] ?? ''} changed`
    }),
}

const picksOfStory = (subject: Subject, seed: number): string[] => {
  const picks: string[] = []
  const thrown = story(subject, seed, (policy, view, rng) => {
    picks.push(String(pickOnce(policy, view, rng.uint32(), rng)))
    return ''
  })
  return [...picks, thrown]
}

const deterministic: Law = {
  name: 'the same seed and the same views give the same picks',
  excludes: '',
  exempt: forAll,
  check: (subject, seed) => {
    const first = picksOfStory(subject, seed)
    const second = picksOfStory(subject, seed)
    const at = first.findIndex((pick, i) => pick !== second[i])
    return at < 0
      ? ''
      : `pick ${at} was ${first[at] ?? ''}, then ${second[at] ?? ''}: something but the arguments decides`
  },
}

/** Where it stands can be taken down and gone back to. */
const STATE_NUMBERS = 4096

const replays: Law = {
  name: 'a pick replays from the view, the generator and what the policy saved',
  excludes: '',
  exempt: forAll,
  check: (subject, seed) => {
    const state = new Float64Array(STATE_NUMBERS)
    return story(subject, seed, (policy, view, rng) => {
      if (view.size > 100) return '' // a twin is built for every pick
      const length = policy.save === undefined ? 0 : policy.save(state)
      if (length < 0) return ''
      const key = rng.uint32()
      const words = new Int32Array(4)
      rng.save(words)
      const index = pickOnce(policy, view, key, rng)
      const twin = subject.make()
      twin.rebuild(view, seededRng(seed + 1))
      if (length > 0) twin.restore?.(state, length)
      const again = seededRng(0)
      again.restore(words)
      const replayed = pickOnce(twin, view, key, again)
      return replayed === index ? '' : `picked ${index}, replayed ${replayed}`
    })
  },
}

const TRIALS = 4000

const propensities: Law = {
  name: 'the propensity it states is the frequency of the pick',
  excludes: '',
  exempt: ({ make }) => (make().propensity === undefined ? 'it states none' : ''),
  check: (subject, seed) => {
    const rng = seededRng(seed)
    for (const size of [1, 2, 3, 6]) {
      const view = makeView(
        size,
        anyWeights(size, rng).map((weight) => Math.min(weight, 5)),
      )
      view.nowMs = 1_000_000
      disturb(view, rng)
      const seen = frequencies(subject, view, rng)
      if (seen !== '') return `with ${size} endpoints: ${seen}`
    }
    return ''
  },
}

const frequencies = (subject: Subject, view: ReturnType<typeof makeView>, rng: Sfc32): string => {
  const policy = subject.make()
  policy.rebuild(view, rng)
  const state = new Float64Array(STATE_NUMBERS)
  const length = policy.save === undefined ? 0 : policy.save(state)
  if (length < 0) return ''
  const key = rng.uint32()
  const counts = Array.from({ length: view.size }, () => 0)
  const stated = Array.from({ length: view.size }, () => 0)
  for (let trial = 0; trial < TRIALS; trial++) {
    if (length > 0) policy.restore?.(state, length)
    const index = pickOnce(policy, view, key, rng)
    counts[index] = (counts[index] ?? 0) + 1
    stated[index] = policy.propensity?.(view, key, index) ?? Number.NaN
  }
  for (const [index, count] of counts.entries()) {
    const probability = stated[index] ?? 0
    if (count === 0 || Number.isNaN(probability)) continue
    const frequency = count / TRIALS
    if (Math.abs(frequency - probability) > frequencySlack(probability, TRIALS))
      return `endpoint ${index}: stated ${probability.toFixed(4)}, seen ${frequency.toFixed(4)}`
  }
  return ''
}

export const CONTRACT_LAWS: readonly Law[] = [inRange, readsOnly, deterministic, replays, propensities]
