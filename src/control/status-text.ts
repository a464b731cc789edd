import type { ClusterFacts, EndpointFacts } from './facts-shape.ts'
import { age, count, cutEnd, cutStart, NOTHING, number, percent } from './figures.ts'

/** `weir status` for people: at most 100 columns wide, whatever the names. */
const WIDTH = 100

type Column = {
  readonly title: string
  readonly width: number
  readonly right?: true
  readonly cell: (endpoint: EndpointFacts) => string
}

/** Widths and the blanks between them: 2 + 25 + 11 + 12 + 9 + 9 + 9 + 7 + 5 + 7 × 1 = 96. */
const COLUMNS: readonly Column[] = [
  { title: 'endpoint', width: 25, cell: ({ address }) => cutStart(address, 25) },
  { title: 'state', width: 11, cell: ({ state }) => state },
  { title: 'weight', width: 12, cell: weightOf },
  { title: 'in flight', width: 9, right: true, cell: ({ inFlight }) => count(inFlight) },
  { title: 'TTFB ms', width: 9, right: true, cell: ({ firstByteMs }) => number(firstByteMs.mean) },
  { title: 'answers', width: 9, right: true, cell: ({ successes }) => count(successes) },
  { title: 'failed', width: 7, right: true, cell: (endpoint) => count(failedOf(endpoint)) },
  { title: 'load', width: 5, right: true, cell: ({ load }) => percent(load?.utilisation) },
]

export function statusText(clusters: readonly ClusterFacts[], nowMs: number): string {
  if (clusters.length === 0) return 'no clusters\n'
  return clusters.map((cluster) => clusterText(cluster, nowMs)).join('\n')
}

function clusterText(cluster: ClusterFacts, nowMs: number): string {
  const lines = [
    cutEnd(headOf(cluster), WIDTH),
    ...notesOf(cluster).map((note) => cutEnd(`  ${note}`, WIDTH)),
  ]
  if (cluster.endpoints.length > 0) lines.push(row((column) => column.title))
  for (const endpoint of cluster.endpoints) {
    lines.push(row((column) => column.cell(endpoint)))
    const why = reasonOf(endpoint, nowMs)
    if (why !== '') lines.push(cutEnd(`    ${why}`, WIDTH))
  }
  return `${lines.join('\n')}\n`
}

function headOf({ name, policy, healthy, size, inFlight, latencyMs }: ClusterFacts): string {
  const latency =
    latencyMs.count === 0 ? [] : [`p50 ${number(latencyMs.p50)} p99 ${number(latencyMs.p99)} ms`]
  return [name, policy, `${healthy} of ${size} healthy`, `${count(inFlight)} in flight`, ...latency].join(
    '  ',
  )
}

/** What is out of the ordinary, or was asked for. */
function notesOf({
  panic,
  limits,
  retryBudget,
  waiting,
  policyFaults,
  shadow,
}: ClusterFacts): readonly string[] {
  const notes: string[] = []
  if (panic.now) notes.push(`PANIC: fewer than ${percent(panic.threshold)} are healthy, health is not heeded`)
  if (waiting > 0) notes.push(`${count(waiting)} waiting for a connection`)
  if (limits.adaptive !== null) notes.push(`adaptive limit ${count(limits.adaptive)} in flight`)
  if (retryBudget.used > 0)
    notes.push(
      `retries in 10 s: ${count(retryBudget.used)} of ${count(Math.floor(retryBudget.allowed))} allowed`,
    )
  if (policyFaults > 0) notes.push(`the policy failed ${count(policyFaults)} times, the default one stood in`)
  if (shadow !== null) {
    const share = shadow.picks === 0 ? NOTHING : percent(shadow.agreed / shadow.picks)
    notes.push(`shadow ${shadow.policy}: the same in ${share} of ${count(shadow.picks)} picks`)
  }
  return notes
}

function row(cell: (column: Column) => string): string {
  const cells = COLUMNS.map((column) => {
    const text = cutEnd(cell(column), column.width)
    return column.right === true ? text.padStart(column.width) : text.padEnd(column.width)
  })
  return `  ${cells.join(' ')}`.trimEnd()
}

/** Why an endpoint is in a state that is not the plain one; what an operator wants of it is part of that. */
function reasonOf(endpoint: EndpointFacts, nowMs: number): string {
  const { state, why, since, ejections, admin } = endpoint
  const unused = admin === 'ready' ? unusedWhy(endpoint) : []
  const reasons = [
    ...(state === 'ready'
      ? []
      : [`${why}${since === null ? '' : `, for ${age(nowMs - Date.parse(since))}`}`]),
    ...(ejections > 0 ? [`ejected ${ejections === 1 ? 'once' : `${ejections} times`}`] : []),
    ...unused,
  ]
  return reasons.join('; ')
}

/** Why nobody goes to an endpoint against which nothing speaks. */
function unusedWhy({ state, weight, set, inSubset, priority }: EndpointFacts): readonly string[] {
  if (set !== null || !['ready', 'warming', 'suspect'].includes(state)) return []
  if (weight === 0) return ['its weight is 0']
  return [inSubset ? `not needed now, its priority is ${priority}` : 'not of the subset that is used here']
}

/** `3`, or `3 → 1.5` where it is not what is in effect. */
function weightOf({ weight, effectiveWeight }: EndpointFacts): string {
  const inEffect = number(effectiveWeight)
  return number(weight) === inEffect ? inEffect : `${number(weight)} → ${inEffect}`
}

function failedOf({ failures, responses }: EndpointFacts): number {
  return Object.values(failures).reduce((sum, failed) => sum + failed, responses['5xx'] ?? 0)
}
