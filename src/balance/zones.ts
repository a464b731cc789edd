import type { LocalitySpec } from '../config/snapshot.ts'
import { OVERPROVISIONING } from './priorities.ts'

/** Errors of rounding are not a want of capacity. */
const EPSILON = 1e-9

/** What a zone of a level has. Weights are summed. */
export type Zone = {
  readonly name: string
  /** Of all endpoints that an operator has not taken out. */
  readonly weight: number
  /** Of those that may be picked, as far as slow start allows. */
  readonly healthyWeight: number
  readonly healthyCount: number
}

/** The share of the requests that each zone gets from this proxy, adding up to 1; undefined: zones are not heeded. */
export const zoneShares = (zones: readonly Zone[], spec: LocalitySpec): readonly number[] | undefined => {
  if (spec.mode === 'zone') return nearby(zones, spec)
  if (spec.mode === 'weights') return weighted(zones, spec.weights)
  return undefined
}

/**
 * Envoy's zone aware routing: as much as it can take of what our zone's proxies get stays in our zone, the rest goes to zones that have more endpoints than
 * proxies, by how much more. If every proxy does so, each zone gets just its share of the healthy endpoints.
 */
const nearby = (zones: readonly Zone[], spec: LocalitySpec): readonly number[] | undefined => {
  const count = zones.reduce((sum, zone) => sum + zone.healthyCount, 0)
  const capacities = shares(zones.map((zone) => zone.healthyWeight))
  const proxies = proxyShares(zones, spec)
  if (count < spec.minSize || !(proxies.ours > 0)) return undefined
  const own = zones.findIndex(({ name }) => name === spec.zone)
  const capacity = capacities[own] ?? 0
  if (capacity > 0 && capacity > proxies.ours - EPSILON) return zones.map((_, at) => (at === own ? 1 : 0))
  const stays = capacity / proxies.ours
  const spare = capacities.map((share, at) => (at === own ? 0 : Math.max(0, share - proxies.inZones[at]!)))
  if (!spare.some((share) => share > 0)) return undefined
  return shares(spare).map((share, at) => (at === own ? stays : (1 - stays) * share))
}

/** As configured, else as the endpoints are spread. Ours is 0 if that is not known. */
const proxyShares = (
  zones: readonly Zone[],
  { zone, proxies }: LocalitySpec,
): { readonly ours: number; readonly inZones: readonly number[] } => {
  const given = Object.keys(proxies).length > 0
  const byEndpoints = zones.map(({ weight }) => weight)
  const inZones = given ? zones.map(({ name }) => own(proxies, name)) : byEndpoints
  const total = (given ? Object.values(proxies) : byEndpoints).reduce((sum, share) => sum + share, 0)
  const here = given ? own(proxies, zone) : (zones.find(({ name }) => name === zone)?.weight ?? 0)
  return { ours: zone === '' ? 0 : here / total, inZones: inZones.map((share) => share / total) }
}

/** By configured weights; a zone that is partly ill gets less once it could not take its share, one without a weight nothing. */
const weighted = (
  zones: readonly Zone[],
  weights: Readonly<Record<string, number>>,
): readonly number[] | undefined => {
  const due = zones.map(
    ({ name, weight, healthyWeight }) =>
      own(weights, name) * Math.min(1, (OVERPROVISIONING * healthyWeight) / weight),
  )
  return due.some((share) => share > 0) ? shares(due) : undefined
}

const own = (record: Readonly<Record<string, number>>, key: string): number =>
  Object.hasOwn(record, key) ? record[key]! : 0

/** To a sum of 1. */
const shares = (amounts: readonly number[]): readonly number[] => {
  const sum = amounts.reduce((total, amount) => total + amount, 0)
  return amounts.map((amount) => amount / sum)
}
