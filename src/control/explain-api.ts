import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'
import type { ExplainStore } from './explain-store.ts'

/** What the answers are made of. */
export type ExplainFacts = {
  readonly store: Pick<ExplainStore, 'find' | 'list' | 'bounds'>
  /** Share of the requests that is drawn, as configured. */
  readonly sample: number
}

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
const PARAMETERS = ['cluster', 'failed', 'limit']

export function answerExplain({ store, sample }: ExplainFacts, id: string): DoorReply {
  const record = store.find(id)
  if (record !== undefined) return json(JSON.parse(record))
  const more =
    sample < 1 ? 'raise it and reload to keep more' : 'all are kept for a while, so raise explain.keep'
  const kept =
    `only of failed requests and of a sample are decisions kept: the last ${store.bounds.keep} of each, as long as telemetry lives. ` +
    `explain.sample is ${sample}: ${more}; GET /api/v1/explain lists what there is.`
  return problem(404, 'not-explained', `No decision of request ${id.slice(0, 64)} is kept: ${kept}`)
}

/** `?cluster=web`, `?failed=true` (or false), `?limit=10`. */
export function answerExplainList({ store, sample }: ExplainFacts, query: URLSearchParams): DoorReply {
  const problems = [...new Set(query.keys())]
    .filter((key) => !PARAMETERS.includes(key))
    .map((key) => `unknown parameter ${JSON.stringify(key.slice(0, 64))}`)
  const failed = query.get('failed')
  if (failed !== null && failed !== 'true' && failed !== 'false')
    problems.push('failed must be true or false')
  const limit = query.get('limit') ?? String(DEFAULT_LIMIT)
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > MAX_LIMIT)
    problems.push(`limit must be a whole number from 1 to ${MAX_LIMIT}`)
  if (problems.length > 0)
    return problem(422, 'unprocessable', `Allowed are ${PARAMETERS.join(', ')}.`, { problems })
  const requests = store.list({
    cluster: query.get('cluster') ?? undefined,
    failed: failed === null ? undefined : failed === 'true',
    limit: Number(limit),
  })
  return json({ sample, keep: store.bounds.keep, requests })
}

function json(value: unknown): DoorReply {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` }
}
