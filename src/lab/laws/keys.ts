import type { ClusterView } from '../../balance/view.ts'
import { mix32, seededRng } from '../../base/random.ts'
import { isByKey, makeView, pickOnce } from './law.ts'
import type { Law, Subject } from './law.ts'

const KEYS = 6000
const SIZE = 20

/** A view with the endpoints whose numbers are given, in that order. */
const viewOf = (members: readonly number[]): ClusterView => {
  const view = makeView(members.length)
  for (const [index, member] of members.entries()) view.hashes[index] = mix32(member + 1)
  return view
}

const placesOf = ({ make }: Subject, members: readonly number[], seed: number): number[] => {
  const rng = seededRng(seed)
  const view = viewOf(members)
  const policy = make()
  policy.rebuild(view, rng)
  const keys = seededRng(seed + 1)
  return Array.from({ length: KEYS }, () => members[pickOnce(policy, view, keys.uint32(), rng)] ?? -1)
}

const onlyByKey = (subject: Subject): string => (isByKey(subject) ? '' : 'it does not go by keys')

/** Of the keys of endpoints that stay. Maglev's own measure; ring and rendezvous move none (their own tests say so exactly). */
const MOVED = 0.05

const fewKeysMove: Law = {
  name: `when one endpoint leaves, its keys move and at most ${MOVED * 100} % of the others`,
  excludes: '',
  exempt: onlyByKey,
  check: (subject, seed) => {
    const members = Array.from({ length: SIZE }, (_, i) => i)
    const before = placesOf(subject, members, seed)
    const left = seededRng(seed).below(SIZE)
    const after = placesOf(
      subject,
      members.filter((member) => member !== left),
      seed,
    )
    const stayed = before.filter((place) => place !== left).length
    const moved = before.filter((place, i) => place !== left && place !== after[i]).length
    return moved <= stayed * MOVED ? '' : `${moved} of ${stayed} keys of endpoints that stayed moved`
  },
}

const orderIsNothing: Law = {
  name: 'the order of the endpoints does not matter to a key',
  excludes: '',
  exempt: onlyByKey,
  check: (subject, seed) => {
    const members = Array.from({ length: SIZE }, (_, i) => i)
    const before = placesOf(subject, members, seed)
    const after = placesOf(subject, members.toReversed(), seed)
    const moved = before.filter((place, i) => place !== after[i]).length
    return moved === 0 ? '' : `${moved} of ${KEYS} keys moved`
  },
}

export const KEY_LAWS: readonly Law[] = [fewKeysMove, orderIsNothing]
