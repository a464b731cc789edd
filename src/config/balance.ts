/** How a cluster's endpoints are balanced: configuration → its part of the snapshot. */
import { isBuiltIn, policyOptions } from './schema/policy.ts'
import type { ClusterConfig } from './schema/root.ts'
import type { Chosen } from './schema/types.ts'
import type {
  ClusterSpec,
  FeedbackSpec,
  HashKeySpec,
  HealthSpec,
  LocalitySpec,
  OutlierSpec,
  PolicySpec,
  ProbeSpec,
  RetrySpec,
  StickySpec,
} from './snapshot.ts'
import { statusRange } from './values/http.ts'

/** The part of a cluster that says how its endpoints are balanced. */
export type BalanceSpec = Omit<ClusterSpec, 'id' | 'name' | 'endpoints' | 'timeouts' | 'pool'>

export type StickyConfig = Exclude<ClusterConfig['sticky'], 'off'>

/** What a cluster's configuration means beyond itself. */
export type BalanceContext = {
  /** Of this proxy; '' unknown. */
  readonly zone: string
  /** What `seed: auto` means: by the name of this machine. */
  readonly machineSeed: number
  /** The file: URL of a module that a policy names. */
  module(path: string): string
  /** The key that a cluster's cookies are signed with. */
  stickyKey(cluster: string, sticky: StickyConfig): StickySpec['key']
}

export function compileBalance(name: string, cluster: ClusterConfig, context: BalanceContext): BalanceSpec {
  const { policy, shadow, slowStart, hedge, limits, subset } = cluster
  const { adaptive } = limits
  return {
    policy: compilePolicy(policy, context),
    shadow: shadow === undefined ? undefined : compilePolicy(shadow, context),
    hashKey: compileHashKey(cluster),
    sticky: compileSticky(name, cluster, context),
    locality: compileLocality(cluster.locality, context.zone),
    subset:
      subset === 'off'
        ? { size: 0, seed: 0 }
        : { size: subset.size, seed: subset.seed === 'auto' ? context.machineSeed : subset.seed },
    panic: cluster.panic,
    health: compileHealth(cluster.health),
    outliers: compileOutliers(cluster.outliers),
    slowStart:
      slowStart === 'off'
        ? undefined
        : {
            windowMs: slowStart.window,
            aggression: slowStart.aggression,
            min: slowStart.min,
            by: slowStart.by,
          },
    feedback: compileFeedback(cluster),
    retry: compileRetry(cluster.retry),
    hedge: hedge === 'off' ? undefined : { delayMs: hedge.delay, attempts: hedge.attempts },
    limits: {
      inFlight: limits.inFlight,
      inFlightPerEndpoint: limits.inFlightPerEndpoint,
      queue: limits.queue,
      adaptive:
        adaptive === 'off'
          ? undefined
          : {
              minLimit: adaptive.minLimit,
              maxLimit: adaptive.maxLimit,
              tolerance: adaptive.tolerance,
              windowMs: adaptive.window,
              minRttMs: adaptive.minRtt,
            },
    },
  }
}

function compilePolicy({ name, options }: Chosen, context: BalanceContext): PolicySpec {
  return {
    name,
    module: isBuiltIn(name) ? undefined : context.module(name),
    options: { ...policyOptions(name, options) },
  }
}

/** `ip-hash` says what it hashes. */
function compileHashKey({ hashKey, policy, shadow }: ClusterConfig): HashKeySpec {
  if (hashKey === undefined) {
    const byAddress = policy.name === 'ip-hash' || shadow?.name === 'ip-hash'
    return { kind: byAddress ? 'client-ip' : 'none', name: '' }
  }
  const { by, header, cookie, query } = hashKey
  if (header !== undefined) return { kind: 'header', name: header }
  if (cookie !== undefined) return { kind: 'cookie', name: cookie }
  if (query !== undefined) return { kind: 'query', name: query }
  return { kind: by ?? 'none', name: '' }
}

function compileSticky(
  name: string,
  { sticky }: ClusterConfig,
  context: BalanceContext,
): StickySpec | undefined {
  if (sticky === 'off') return undefined
  const { cookie = `weir-${name}`, ttl = 0 } = sticky
  return { cookie, ttlMs: ttl, key: [...context.stickyKey(name, sticky)] }
}

function compileLocality(locality: ClusterConfig['locality'], zone: string): LocalitySpec {
  const { mode, weights, proxies, minSize, label = '', order } = locality
  return {
    zone,
    mode,
    weights: Object.fromEntries(weights),
    proxies: Object.fromEntries(proxies),
    minSize,
    label,
    order: [...order],
  }
}

function compileHealth(health: ClusterConfig['health']): HealthSpec | undefined {
  if (health === 'off') return undefined
  const { interval, downInterval, timeout, rise, fall, spread, precheck } = health
  return {
    probe: compileProbe(health),
    intervalMs: interval,
    downIntervalMs: downInterval,
    timeoutMs: timeout,
    rise,
    fall,
    spread,
    precheck,
  }
}

function compileProbe({ http, agent }: Exclude<ClusterConfig['health'], 'off'>): ProbeSpec {
  if (http !== undefined && http !== 'off') {
    const { method, path, host = '', body = '' } = http
    return { kind: 'http', method, path, host, expect: http.expect.map(statusRange), body }
  }
  if (agent !== undefined && agent !== 'off')
    return { kind: 'agent', port: agent.port, send: agent.send ?? '' }
  return { kind: 'tcp' }
}

/** Everything off is a detection without rules. */
function compileOutliers(outliers: ClusterConfig['outliers']): OutlierSpec {
  if (outliers === 'off') return { ...NEVER_EJECTED }
  const { connect, http, latency } = outliers
  return {
    connect:
      connect === 'off'
        ? undefined
        : { consecutive: connect.consecutive, weight: connect.weight, decayMs: connect.decay },
    http:
      http === 'off'
        ? undefined
        : {
            consecutive: http.consecutive,
            ratio: http.ratio,
            minRequests: http.minRequests,
            windowMs: http.window,
            weight: http.weight,
            decayMs: http.decay,
          },
    latency:
      latency === 'off'
        ? undefined
        : {
            windowMs: latency.window,
            factor: latency.factor,
            floorMs: latency.floor,
            minRequests: latency.minRequests,
            weight: latency.weight,
            decayMs: latency.decay,
          },
    maxEjected: outliers.maxEjected,
    ejectionMs: outliers.ejection,
    maxEjectionMs: outliers.maxEjection,
    jitter: outliers.jitter,
    recoverAfter: outliers.recoverAfter,
    recoverIntervalMs: outliers.recoverInterval,
  }
}

const NEVER_EJECTED: OutlierSpec = {
  connect: undefined,
  http: undefined,
  latency: undefined,
  maxEjected: 0,
  ejectionMs: 30_000,
  maxEjectionMs: 300_000,
  jitter: 0,
  recoverAfter: 1,
  recoverIntervalMs: 5000,
}

/** Policies that choose by what servers report. */
const BY_REPORT: ReadonlySet<string> = new Set(['orca', 'prequal'])

function compileFeedback({ feedback, policy, shadow }: ClusterConfig): FeedbackSpec {
  const wanted = BY_REPORT.has(policy.name) || (shadow !== undefined && BY_REPORT.has(shadow.name))
  return {
    orca: feedback.orca === 'auto' ? wanted : feedback.orca,
    retryAfterMaxMs: feedback.retryAfter,
  }
}

function compileRetry({ attempts, on, budget }: ClusterConfig['retry']): RetrySpec {
  return { attempts, on: [...on], budget: { ratio: budget.ratio, perSecond: budget.perSecond } }
}
