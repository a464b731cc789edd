import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'
import { EXPOSITION_CONTENT_TYPE } from '../telemetry/exposition.ts'
import type { ReloadResult } from './protocol.ts'

/**
 * The admin API as functions of a request: no socket, no thread. `io/http-door.ts` is its door. What takes another actor's answer
 * is a deed, done by the caller.
 */
export type AdminRequest = {
  readonly method: string
  /** Origin-form, query included. */
  readonly target: string
}

export type AdminDeed = { readonly deed: 'reload' }

/** What can be asked about. Made anew for every request: it is read rarely. */
export type AdminFacts = {
  readonly metrics: () => string
  readonly shards: () => unknown
  readonly clusters: () => unknown
  readonly readiness: () => { readonly ready: boolean; readonly why: string }
}

type Resource = {
  readonly says: string
  readonly get?: (facts: AdminFacts) => DoorReply
  readonly post?: AdminDeed
}

const RESOURCES: Readonly<Record<string, Resource>> = {
  '/': { says: 'this list', get: () => text(200, index()) },
  '/metrics': { says: 'Prometheus metrics', get: (facts) => metrics(facts.metrics()) },
  '/healthz': { says: '200 while the program lives', get: () => text(200, 'ok\n') },
  '/readyz': { says: '200 while it accepts, 503 while it starts or drains', get: (facts) => readyz(facts) },
  '/api/v1/shards': { says: 'the shards', get: (facts) => json(200, facts.shards()) },
  '/api/v1/clusters': {
    says: 'the clusters and their endpoints',
    get: (facts) => json(200, facts.clusters()),
  },
  '/api/v1/reload': { says: 'read the configuration again', post: { deed: 'reload' } },
}

export function answerAdmin({ method, target }: AdminRequest, facts: AdminFacts): DoorReply | AdminDeed {
  const path = target.replace(/[?#].*$/s, '')
  const resource = Object.hasOwn(RESOURCES, path) ? RESOURCES[path] : undefined
  if (resource === undefined) return problem(404, 'not-found', 'No such resource; GET / lists them.')
  if ((method === 'GET' || method === 'HEAD') && resource.get !== undefined) return resource.get(facts)
  if (method === 'POST' && resource.post !== undefined) return resource.post
  const allow = methodsOf(resource).join(', ')
  const refused = problem(405, 'method-not-allowed', `${path} takes ${allow}.`)
  return { ...refused, headers: { allow } }
}

export function answerReload(result: ReloadResult): DoorReply {
  if (result.ok) return json(200, { version: result.version, warnings: result.warnings })
  const detail = 'The configuration was refused; the one before runs on.'
  return problem(422, 'configuration-refused', detail, { problems: result.problems })
}

function readyz(facts: AdminFacts): DoorReply {
  const { ready, why } = facts.readiness()
  return text(ready ? 200 : 503, `${why}\n`)
}

function metrics(body: string): DoorReply {
  return { status: 200, type: EXPOSITION_CONTENT_TYPE, body }
}

function text(status: number, body: string): DoorReply {
  return { status, type: 'text/plain; charset=utf-8', body }
}

function json(status: number, value: unknown): DoorReply {
  return { status, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` }
}

function index(): string {
  const lines = Object.entries(RESOURCES).map(([path, resource]) => {
    const method = resource.get === undefined ? 'POST' : 'GET'
    return `${method.padEnd(4)} ${path.padEnd(18)} ${resource.says}\n`
  })
  return lines.join('')
}

function methodsOf(resource: Resource): readonly string[] {
  return [
    ...(resource.get === undefined ? [] : ['GET', 'HEAD']),
    ...(resource.post === undefined ? [] : ['POST']),
  ]
}
