import type { ExplainCandidate, ExplainRecord, ExplainTry } from '../telemetry/explain-record.ts'
import { count, cutEnd, cutStart, number } from './figures.ts'

/** `weir explain` for people: the tries of a request, each with those it was chosen among. At most 100 columns wide. */
const WIDTH = 100
/** Endpoints left out that are named; of more the number is told. */
const MOST_EXCLUDED = 16

const KINDS: Readonly<Record<ExplainTry['kind'], string>> = {
  first: 'first try',
  retry: 'retry',
  hedge: 'hedge',
  'stale-reuse': 'again, the pooled connection was dead',
}

/** How the endpoint was found. */
const BY: Readonly<Record<ExplainTry['by'], string>> = {
  policy: 'chosen by',
  sticky: "the client's own, by its cookie; the policy is",
  guard: "the default policy chose, since the operator's failed:",
  excluded: 'drawn by weight from those not tried yet, past',
  'warming-declined': 'drawn again, as one that warms up declined; chosen by',
}

export function explainText(record: ExplainRecord): string {
  const { id, cluster, outcome, status, durationMs, shard, at } = record
  const answer = status === 0 ? 'no answer' : `status ${status}`
  const head = [
    `request ${id}`,
    `  ${new Date(at).toISOString()}, shard ${shard}; kept because it ${reasonOf(record)}`,
    `  cluster ${cluster}: ${outcome}, ${answer}, after ${ms(durationMs)}`,
  ]
  const tries = record.tries.map((attempt, before) => tryText(attempt, before + 1))
  const none = record.tries.length === 0 ? ['  nobody was tried'] : []
  return `${[...head, ...none, ...tries.flat()].map((each) => cutEnd(each, WIDTH)).join('\n')}\n`
}

/** What shards keep as failed includes what another try saved. */
function reasonOf({ kept, outcome, tries }: ExplainRecord): string {
  if (kept === 'sampled') return 'was drawn'
  return outcome === 'complete' && tries.length > 1 ? 'needed more than one try' : 'failed'
}

function tryText(attempt: ExplainTry, ordinal: number): readonly string[] {
  const { endpoint, kind, result, startedMs, tookMs } = attempt
  return [
    '',
    `${ordinal}. ${KINDS[kind]}: ${endpoint === '' ? 'nobody could be picked' : endpoint}`,
    `   ${result} after ${ms(tookMs)}${startedMs > 0 ? `, begun at ${ms(startedMs)}` : ''}`,
    `   ${choiceOf(attempt)}`,
    `   ${viewOf(attempt)}`,
    `   draw: key ${attempt.key}, generator ${attempt.rng.join(' ')}`,
    ...candidatesOf(attempt),
    ...excludedOf(attempt),
    ...shadowOf(attempt),
  ]
}

function choiceOf({ by, policy, propensity, endpoint }: ExplainTry): string {
  if (endpoint === '') return `the policy is ${policy}`
  const chance = propensity === null ? '' : `, with probability ${Number(propensity.toPrecision(3))}`
  return `${BY[by]} ${policy}${chance}`
}

function viewOf({ set, panic, epoch, size, stalenessMs }: ExplainTry): string {
  const heeded = panic ? ' in PANIC (health not heeded)' : ''
  const endpoints = `${count(size)} ${size === 1 ? 'endpoint' : 'endpoints'}`
  const among = set === '' ? 'from nobody' : `from ${set}`
  return `${among}${heeded}: ${endpoints}, epoch ${epoch}, facts up to ${ms(stalenessMs)} old`
}

function candidatesOf({ candidates, endpoint, looked }: ExplainTry): readonly string[] {
  if (candidates.length === 0) return []
  const title = line(['  compared', 'score', 'weight', 'warmth', 'in flight', 'cost ms'])
  const rows = candidates.map((candidate) => candidateRow(candidate, candidate.endpoint === endpoint))
  const more = looked > candidates.length ? [`   … and ${count(looked - candidates.length)} more`] : []
  return [title, ...rows, ...more]
}

function candidateRow(candidate: ExplainCandidate, picked: boolean): string {
  const { endpoint, score, weight, warmth, inFlight, costMs } = candidate
  const name = `${picked ? '>' : ' '} ${cutStart(endpoint, 30)}`
  return line([name, score, weight, warmth, inFlight, costMs])
}

function line([name, ...figures]: readonly [string, ...(string | number | null)[]]): string {
  const cells = figures.map((figure) => (typeof figure === 'string' ? figure : number(figure)).padStart(10))
  return `   ${name.padEnd(32)} ${cells.join(' ')}`
}

function excludedOf({ excluded }: ExplainTry): readonly string[] {
  const named = excluded
    .slice(0, MOST_EXCLUDED)
    .map(({ endpoint, why }) => `   left out: ${endpoint === '' ? 'everybody' : endpoint} (${why})`)
  const more = excluded.length - named.length
  return more > 0 ? [...named, `   … and ${count(more)} more left out`] : named
}

function shadowOf({ shadow, endpoint }: ExplainTry): readonly string[] {
  if (shadow === null) return []
  const same = shadow.endpoint === endpoint
  const pick = shadow.endpoint === '' ? 'nobody' : shadow.endpoint
  return [`   shadow ${shadow.policy}: ${same ? 'the same' : `would have picked ${pick}`}`]
}

function ms(value: number): string {
  return `${number(value)} ms`
}
