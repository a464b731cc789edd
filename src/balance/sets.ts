import { beginPair, finishPair, hashString, scramble, unitOf } from '../base/hash.ts'
import type { LocalitySpec } from '../config/snapshot.ts'
import type { Member } from './member.ts'
import { levelLoads } from './priorities.ts'
import { zoneShares } from './zones.ts'

export type PlanMember = Pick<
  Member,
  'weight' | 'warmth' | 'priority' | 'zone' | 'labels' | 'healthy' | 'usable' | 'absent'
>

export type PlanSpec = {
  readonly locality: LocalitySpec
  /** Share of the endpoints, 0…1, below which health is not heeded any more; 0 = never. */
  readonly panic: number
}

/** Endpoints that are picked from together. */
export type PlannedSet = {
  /** `priority 0`, `priority 0, zone eu-1`, `priority 1, region us`: the same set has the same name in the next plan. */
  readonly name: string
  /** Of the name. */
  readonly hash: number
  /** Indexes of members, ascending; never none. */
  readonly members: readonly number[]
  /** Probability with which a request goes to this set, > 0. */
  readonly share: number
  /** Health is not heeded: members are all that an operator has not taken out. */
  readonly panic: boolean
}

/** Sets by level and zone; the shares add up to 1. Empty if nothing may be picked. */
export type Plan = readonly PlannedSet[]

/**
 * Which endpoints requests go to, before a policy picks among them: priority levels with overflow and panic, and in a level zones. An endpoint that is
 * not healthy is in a set only if that panics, and one that an operator took out is in none.
 */
export const planSets = (all: readonly PlanMember[], spec: PlanSpec): Plan => {
  const members = withoutAbsent(all)
  const levels = levelsOf(members, spec.locality)
  const loads = levelLoads(
    levels.map(({ indexes }) => tally(members, indexes)),
    spec.panic,
  )
  return levels.flatMap(({ name, indexes }, at) => {
    const { share, panic } = loads[at]!
    if (share === 0) return []
    if (panic) return [setOf(name, indexes, share, true)]
    return inZones(members, indexes, spec.locality)
      .map((part) => setOf(name + part.suffix, part.indexes, share * part.share, false))
      .filter((set) => set.share > 0)
  })
}

/** A panic is for endpoints that are thought worse than they are. Where nobody is, nobody is sent, unless there is nowhere else. */
const withoutAbsent = (members: readonly PlanMember[]): readonly PlanMember[] => {
  if (!members.some(({ usable, absent }) => usable && absent === true)) return members
  if (!members.some(({ usable, absent }) => usable && absent !== true)) return members
  return members.map((member) =>
    member.absent === true ? { ...member, usable: false, healthy: false } : member,
  )
}

/** The set for a request, by a draw from [0, 1). -1 if the plan is empty. */
export const drawSet = (plan: Plan, draw: number): number => {
  let left = draw
  for (let at = 0; at < plan.length; at++) {
    left -= plan[at]!.share
    if (left < 0) return at
  }
  return plan.length - 1
}

/**
 * The set for a key, so that it goes where it went before: by rendezvous over the sets, with their shares as weights. A set that gains only draws keys, one
 * that loses only gives them up.
 */
export const keySet = (plan: Plan, key: number): number => {
  if (plan.length < 2) return plan.length - 1
  const scrambled = scramble(key)
  let best = 0
  let least = Infinity
  for (let at = 0; at < plan.length; at++) {
    const { hash, share } = plan[at]!
    const score = -Math.log(unitOf(finishPair(beginPair(hash), scrambled))) / share
    if (score < least) {
      least = score
      best = at
    }
  }
  return best
}

const setOf = (name: string, members: readonly number[], share: number, panic: boolean): PlannedSet => ({
  name,
  hash: hashString(name),
  members,
  share,
  panic,
})

type NamedLevel = { readonly name: string; readonly indexes: number[]; readonly order: number }

/** Usable members by priority and, where the nearest location is asked for, by how near they are. The preferred first. */
const levelsOf = (members: readonly PlanMember[], locality: LocalitySpec): readonly NamedLevel[] => {
  const { mode, label, order } = locality
  const ranks = mode === 'nearest' ? order.length + 1 : 1
  const levels = new Map<number, NamedLevel>()
  members.forEach((member, index) => {
    if (!member.usable) return
    const value = Object.hasOwn(member.labels, label) ? member.labels[label]! : ''
    const found = order.indexOf(value)
    const rank = ranks === 1 ? 0 : found < 0 ? order.length : found
    const at = member.priority * ranks + rank
    const level = levels.get(at)
    if (level !== undefined) level.indexes.push(index)
    else {
      const where = ranks === 1 ? '' : rank === order.length ? ', elsewhere' : `, ${label} ${value}`
      levels.set(at, { name: `priority ${member.priority}${where}`, indexes: [index], order: at })
    }
  })
  return [...levels.values()].toSorted((a, b) => a.order - b.order)
}

type Part = { readonly suffix: string; readonly indexes: readonly number[]; readonly share: number }

/** The healthy ones of a level, by zone if zones are heeded. */
const inZones = (
  members: readonly PlanMember[],
  level: readonly number[],
  spec: LocalitySpec,
): readonly Part[] => {
  const healthy = level.filter((index) => members[index]!.healthy)
  const all: readonly Part[] = [{ suffix: '', indexes: healthy, share: 1 }]
  if (spec.mode !== 'zone' && spec.mode !== 'weights') return all
  const names = [...new Set(level.map((index) => members[index]!.zone))].toSorted()
  const inZone = Map.groupBy(level, (index) => members[index]!.zone)
  const zones = names.map((name) => ({ name, ...tally(members, inZone.get(name) ?? []) }))
  const shares = zoneShares(zones, spec)
  if (shares === undefined) return all
  const healthyIn = Map.groupBy(healthy, (index) => members[index]!.zone)
  return names
    .map((name, at) => ({
      suffix: name === '' ? ', no zone' : `, zone ${name}`,
      indexes: healthyIn.get(name) ?? [],
      share: shares[at]!,
    }))
    .filter(({ share }) => share > 0)
}

type Tally = {
  readonly weight: number
  readonly count: number
  readonly healthyWeight: number
  readonly healthyCount: number
}

const tally = (members: readonly PlanMember[], indexes: readonly number[]): Tally => {
  let weight = 0
  let healthyWeight = 0
  let healthyCount = 0
  for (const index of indexes) {
    const member = members[index]!
    weight += member.weight
    if (!member.healthy) continue
    healthyWeight += member.weight * member.warmth
    healthyCount++
  }
  return { weight, count: indexes.length, healthyWeight, healthyCount }
}
