import type { DoorRequest } from '../io/http-door.ts'
import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'
import { EXPOSITION_CONTENT_TYPE } from '../telemetry/exposition.ts'
import { shardNamed } from './actor-deeds.ts'
import type { ActorDeed } from './actor-deeds.ts'
import { matchPath, splitTarget } from './admin-path.ts'
import type { PathParams } from './admin-path.ts'
import { answerExplain, answerExplainList } from './explain-api.ts'
import type { ExplainFacts } from './explain-api.ts'
import { readPatch } from './patch.ts'
import type { EndpointPatch } from './patch.ts'
import type { PatchResult, ReloadResult } from './protocol.ts'

/**
 * The admin API as functions of a request: no socket, no thread. `io/http-door.ts` is its door. What takes another actor's answer
 * is a deed, done by the caller.
 */
export type AdminRequest = Omit<DoorRequest, 'peer'>

export type PatchDeed = {
  readonly deed: 'patch'
  readonly cluster: string
  readonly address: string
  readonly patch: EndpointPatch
}
export type AdminDeed = { readonly deed: 'reload' } | PatchDeed | ActorDeed

/** What can be asked about. Made anew for every request: it is read rarely. */
export type AdminFacts = {
  readonly metrics: () => string
  readonly shards: () => unknown
  readonly clusters: () => unknown
  /** undefined: there is none of this name. */
  readonly cluster: (name: string) => unknown
  readonly explain: () => ExplainFacts
  readonly readiness: () => { readonly ready: boolean; readonly why: string }
}

type Asked = {
  readonly request: AdminRequest
  readonly params: PathParams
  readonly query: URLSearchParams
}

type Method = 'GET' | 'POST' | 'PATCH'

type Resource = {
  readonly path: string
  readonly says: string
  readonly get?: (facts: AdminFacts, asked: Asked) => DoorReply
  readonly post?: (asked: Asked) => AdminDeed | DoorReply
  readonly patch?: (asked: Asked) => AdminDeed | DoorReply
}

const FAULT_SAYS = '{"kind": "throw" | "exit" | "spin" | "oom"}: have it fail, where admin.faults allows it'

const RESOURCES: readonly Resource[] = [
  { path: '/', says: 'this list', get: () => text(200, index()) },
  { path: '/metrics', says: 'Prometheus metrics', get: (facts) => metrics(facts.metrics()) },
  { path: '/healthz', says: '200 while the program lives', get: () => text(200, 'ok\n') },
  { path: '/readyz', says: '200 while it accepts, 503 while it starts or drains', get: readyz },
  { path: '/api/v1/shards', says: 'the shards', get: (facts) => json(200, facts.shards()) },
  {
    path: '/api/v1/shards/restart',
    says: 'replace all shards in good order, one after the other',
    post: () => ({ deed: 'restart-all' }),
  },
  {
    path: '/api/v1/shards/{id}/restart',
    says: 'replace one; answered when its successor serves',
    post: ({ params }) => ({ deed: 'restart', id: shardNamed(params['id'] ?? '') }),
  },
  {
    path: '/api/v1/shards/{id}/fault',
    says: FAULT_SAYS,
    post: (asked) => faultDeed(asked, shardNamed(asked.params['id'] ?? '')),
  },
  {
    path: '/api/v1/actors/{name}/fault',
    says: 'the same for another actor: acceptor, telemetry, health, discovery',
    post: (asked) => faultDeed(asked, asked.params['name'] ?? ''),
  },
  {
    path: '/api/v1/clusters',
    says: 'the clusters and their endpoints',
    get: (facts) => json(200, facts.clusters()),
  },
  { path: '/api/v1/clusters/{cluster}', says: 'one of them', get: oneCluster },
  {
    path: '/api/v1/clusters/{cluster}/endpoints/{address*}',
    says: '{"admin": "ready" | "drain" | "down", "weight": 3}, either or both; weight null: as configured',
    patch: patchDeed,
  },
  {
    path: '/api/v1/explain',
    says: 'requests whose decisions are kept, newest first; ?cluster=, ?failed=, ?limit=',
    get: (facts, { query }) => answerExplainList(facts.explain(), query),
  },
  {
    path: '/api/v1/explain/{id}',
    says: 'why a request went where it went',
    get: (facts, { params }) => answerExplain(facts.explain(), params['id'] ?? ''),
  },
  {
    path: '/api/v1/reload',
    says: 'read the configuration again',
    post: () => ({ deed: 'reload' }),
  },
]

export function answerAdmin(request: AdminRequest, facts: AdminFacts): DoorReply | AdminDeed {
  const { path, query } = splitTarget(request.target)
  for (const resource of RESOURCES) {
    const params = matchPath(resource.path, path)
    if (params !== undefined) return answerResource(resource, facts, { request, params, query })
  }
  return problem(404, 'not-found', 'No such resource; GET / lists them.')
}

function answerResource(resource: Resource, facts: AdminFacts, asked: Asked): DoorReply | AdminDeed {
  const { method } = asked.request
  if ((method === 'GET' || method === 'HEAD') && resource.get !== undefined) return resource.get(facts, asked)
  if (method === 'POST' && resource.post !== undefined) return resource.post(asked)
  if (method === 'PATCH' && resource.patch !== undefined) return resource.patch(asked)
  const allow = methodsOf(resource).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
  const refused = problem(405, 'method-not-allowed', `${resource.path} takes ${allow.join(', ')}.`)
  return { ...refused, headers: { allow: allow.join(', ') } }
}

export function answerReload(result: ReloadResult): DoorReply {
  if (result.ok) return json(200, { version: result.version, warnings: result.warnings })
  const detail = 'The configuration was refused; the one before runs on.'
  return problem(422, 'configuration-refused', detail, { problems: result.problems })
}

/** `facts`: the endpoint as it stands now. */
export function answerPatch(result: PatchResult, facts: unknown): DoorReply {
  if (result.ok) return json(200, facts)
  return problem(404, 'not-found', result.detail)
}

function oneCluster(facts: AdminFacts, { params }: Asked): DoorReply {
  const cluster = facts.cluster(params['cluster'] ?? '')
  return cluster === undefined
    ? problem(404, 'not-found', 'No such cluster; GET /api/v1/clusters lists them.')
    : json(200, cluster)
}

function patchDeed({ request, params }: Asked): AdminDeed | DoorReply {
  const patch = readPatch(request.type, request.body)
  if ('status' in patch) return patch
  return { deed: 'patch', cluster: params['cluster'] ?? '', address: params['address'] ?? '', patch }
}

function faultDeed({ request: { type, body } }: Asked, id: string): AdminDeed {
  return { deed: 'fault', id: id.slice(0, 64), type, body }
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
  const width = Math.max(...RESOURCES.map(({ path }) => path.length))
  const lines = RESOURCES.flatMap((resource) =>
    methodsOf(resource).map(
      (method) => `${method.padEnd(5)} ${resource.path.padEnd(width)}  ${resource.says}\n`,
    ),
  )
  return lines.join('')
}

function methodsOf({ get, post, patch }: Resource): readonly Method[] {
  return [
    ...(get === undefined ? [] : (['GET'] as const)),
    ...(post === undefined ? [] : (['POST'] as const)),
    ...(patch === undefined ? [] : (['PATCH'] as const)),
  ]
}
