/** Rules across the keys that say how a cluster is balanced; as `check.ts`, over a draft with holes. */
import { POLICY_DEFAULTS } from '../balance/options.ts'
import type { Findings } from './findings.ts'
import type { Path } from './plain.ts'
import { isBuiltIn, isHashing } from './schema/policy.ts'
import type { ClusterConfig, Config } from './schema/root.ts'
import type { Chosen, Draft } from './schema/types.ts'
import { formatDuration } from './values/duration.ts'

type ClusterDraft = Draft<ClusterConfig>

export function checkBalance(config: Draft<Config>, found: Findings): void {
  for (const [name, cluster] of config.clusters ?? []) {
    if (cluster === undefined) continue
    const path = ['clusters', name]
    checkPolicies(path, cluster, found)
    checkKey(path, cluster, found)
    checkSticky(path, cluster, found)
    checkLocality(path, cluster, config, found)
    checkHealth(path, cluster, found)
    checkTimes(path, cluster, found)
    checkRanges(path, cluster, found)
  }
}

function checkPolicies(path: Path, { policy, shadow }: ClusterDraft, found: Findings): void {
  checkOptions([...path, 'policy'], policy, found)
  checkOptions([...path, 'shadow'], shadow, found)
  const names = [policy?.name, shadow?.name]
  if (names[0] === undefined || names[0] !== names[1]) return
  if (JSON.stringify(policy?.options) === JSON.stringify(shadow?.options))
    found.error([...path, 'shadow'], 'is the policy itself: there is nothing to compare')
}

function checkOptions(path: Path, chosen: Draft<Chosen> | undefined, found: Findings): void {
  const { name, options } = chosen ?? {}
  const number = (key: string): number | undefined => {
    const value = options?.[key]
    return typeof value === 'number' ? value : undefined
  }
  const above = (low: string, high: string): void => {
    const [from = -Infinity, to = Infinity] = [number(low), number(high)]
    if (from > to) found.error([...path, low], `is more than ${high}, ${to}`)
  }
  if (name === 'ring-hash') above('minSize', 'maxSize')
  if (name === 'd2') above('low', 'high')
  const size = name === 'maglev' ? number('tableSize') : undefined
  if (size !== undefined && !isPrime(size))
    found.error([...path, 'tableSize'], `${size} is no prime, ${POLICY_DEFAULTS.maglev.tableSize} is`)
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return n > 1
}

/** A hash needs something to be of; and what nobody hashes is a mistake too. */
function checkKey(path: Path, { policy, shadow, hashKey }: ClusterDraft, found: Findings): void {
  const names = [policy?.name, shadow?.name].filter((name) => name !== undefined)
  if (hashKey !== undefined) {
    const given = ['by', 'header', 'cookie', 'query'].filter((key) => key in hashKey)
    if (given.length !== 1)
      found.error(
        [...path, 'hashKey'],
        `one thing is hashed: client-ip, path, host, { header }, { cookie } or { query }; got ${given.length === 0 ? 'none' : given.join(' and ')}`,
      )
    if (names.length > 0 && names.every((name) => isBuiltIn(name) && !isHashing(name)))
      found.warning(
        [...path, 'hashKey'],
        `${names.join(' and ')} hashes nothing; ring-hash, maglev and rendezvous do`,
        'key',
      )
    if (names.includes('ip-hash') && hashKey.by !== 'client-ip')
      found.error(
        [...path, 'hashKey'],
        'ip-hash hashes the address of the client; for another key name ring-hash, maglev or rendezvous',
      )
    return
  }
  for (const [key, chosen] of [['policy', policy] as const, ['shadow', shadow] as const]) {
    if (chosen?.name === undefined || !isHashing(chosen.name) || chosen.name === 'ip-hash') continue
    found.error(
      [...path, key],
      `${chosen.name} needs a hashKey, or every request goes to one endpoint: hashKey: client-ip, for example`,
    )
  }
}

function checkSticky(path: Path, { sticky }: ClusterDraft, found: Findings): void {
  if (sticky === undefined || sticky === 'off') return
  const at = [...path, 'sticky']
  const given = ['key', 'keyFile', 'keyEnv'].filter((key) => key in sticky)
  if (given.length > 1) found.error(at, `there is one key; got ${given.join(' and ')}`)
  if (given.length === 0)
    found.warning(
      at,
      'without a key (key, keyFile or keyEnv) one is drawn at every start: sessions do not survive a restart, nor move between proxies',
    )
}

function checkLocality(path: Path, cluster: ClusterDraft, config: Draft<Config>, found: Findings): void {
  const { locality, endpoints } = cluster
  const at = [...path, 'locality']
  const { mode, weights, label, order } = locality ?? {}
  const zones = new Set((endpoints ?? []).map((endpoint) => endpoint?.zone))
  if (mode === 'zone' && !('zone' in config))
    found.error(at, 'needs to know the zone of this proxy: zone: …, at the root')
  if (mode === 'zone' && config.zone !== undefined && endpoints !== undefined && !zones.has(config.zone))
    found.warning(at, `no endpoint is in our zone, "${config.zone}"`)
  if (mode === 'weights' && weights?.size === 0) found.error(at, 'needs weights: { zone: weight, … }')
  for (const zone of mode === 'weights' ? (weights?.keys() ?? []) : [])
    if (endpoints !== undefined && !zones.has(zone))
      found.warning([...at, 'weights', zone], 'no endpoint is in this zone', 'key')
  if (mode !== 'nearest') return
  if (locality !== undefined && !('label' in locality))
    found.error(at, 'needs the label to look at: label: …')
  if (order?.length === 0) found.error(at, `needs an order: the values of the label, the nearest first`)
  if (label === undefined || endpoints === undefined || endpoints.length === 0) return
  if (!endpoints.some((endpoint) => endpoint?.labels?.has(label)))
    found.warning([...at, 'label'], `no endpoint has the label "${label}"`)
}

function checkHealth(path: Path, { health }: ClusterDraft, found: Findings): void {
  if (health === undefined || health === 'off') return
  const at = [...path, 'health']
  const given = (['http', 'tcp', 'agent'] as const).filter((key) => key in health && health[key] !== 'off')
  if (given.length === 0) found.error(at, 'says not how: http: { path: … }, tcp: on or agent: on')
  if (given.length > 1) found.error(at, `there is one check; got ${given.join(' and ')}`)
  const { interval, timeout } = health
  if (interval !== undefined && timeout !== undefined && timeout > interval)
    found.warning(
      [...at, 'timeout'],
      `is longer than the interval of ${formatDuration(interval)}: a check that hangs puts off the next`,
    )
}

/** Limits of time that can never be reached, or always are. */
function checkTimes(path: Path, { timeouts, hedge, outliers }: ClusterDraft, found: Findings): void {
  const { perTry, total } = timeouts ?? {}
  const at = [...path, 'timeouts', 'perTry']
  if (perTry !== undefined && total !== undefined && perTry > total)
    found.error(at, `is longer than total, ${formatDuration(total)}: all tries together`)
  if (hedge !== undefined && hedge !== 'off' && hedge.delay !== undefined) {
    const [name, limit] = perTry === undefined ? ['total', total] : ['perTry', perTry]
    if (limit !== undefined && hedge.delay >= limit)
      found.warning(
        [...path, 'hedge'],
        `never happens: ${name} ends the wait after ${formatDuration(limit)} already`,
      )
  }
  if (outliers === undefined || outliers === 'off') return
  const { ejection, maxEjection } = outliers
  if (ejection !== undefined && maxEjection !== undefined && ejection > maxEjection)
    found.error(
      [...path, 'outliers', 'ejection'],
      `is longer than maxEjection, ${formatDuration(maxEjection)}`,
    )
}

function checkRanges(path: Path, { limits, subset, endpoints }: ClusterDraft, found: Findings): void {
  const { adaptive } = limits ?? {}
  if (adaptive !== undefined && adaptive !== 'off') {
    const { minLimit, maxLimit } = adaptive
    if (minLimit !== undefined && maxLimit !== undefined && minLimit > maxLimit)
      found.error([...path, 'limits', 'adaptive', 'minLimit'], `is more than maxLimit, ${maxLimit}`)
  }
  if (subset === undefined || subset === 'off' || endpoints === undefined) return
  const literal = endpoints.every(
    (endpoint) => endpoint?.address !== undefined && /^(\[|\d|unix:)/.test(endpoint.address),
  )
  if (literal && subset.size !== undefined && subset.size >= endpoints.length && endpoints.length > 0)
    found.warning([...path, 'subset'], `is all of the ${endpoints.length} endpoints`)
}
