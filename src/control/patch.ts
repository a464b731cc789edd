import { ADMIN_STATES } from '../health/states.ts'
import type { AdminState } from '../health/states.ts'
import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'

/** What an operator wants of an endpoint: only what is named changes. `weight: null`: as configured again. */
export type EndpointPatch = { readonly admin?: AdminState; readonly weight?: number | null }

/** Media types a patch may come as: the second is RFC 7396, of which this is the plainest case. */
const PATCH_TYPES = ['application/json', 'application/merge-patch+json']
const MAX_WEIGHT = 1_000_000
const KEYS = ['admin', 'weight']

/** The patch, or why it is none: 415 for another media type, 400 for what is no JSON, 422 for what makes no sense, with all that is wrong. */
export function readPatch(type: string, body: Uint8Array): EndpointPatch | DoorReply {
  if (!PATCH_TYPES.includes(type)) {
    const refused = problem(
      415,
      'media-type',
      `Send application/json, not ${type === '' ? 'nothing' : type}.`,
    )
    return { ...refused, headers: { 'accept-patch': PATCH_TYPES.join(', ') } } // RFC 5789 §3.1
  }
  const value = parsed(body)
  if (value === undefined) return problem(400, 'malformed', 'The body is not JSON in UTF-8.')
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unprocessable(['the body must be an object'])
  // An object of JSON has string keys and nothing else
  const fields = value as Readonly<Record<string, unknown>>
  const problems = problemsOf(fields)
  return problems.length > 0 ? unprocessable(problems) : fields
}

function problemsOf(fields: Readonly<Record<string, unknown>>): readonly string[] {
  const unknown = Object.keys(fields).filter((key) => !KEYS.includes(key))
  const problems = unknown.slice(0, 8).map((key) => `unknown key ${JSON.stringify(key.slice(0, 64))}`)
  if (Object.keys(fields).length === 0) problems.push('nothing is to be changed')
  const { admin, weight } = fields
  if ('admin' in fields && !ADMIN_STATES.some((state) => state === admin))
    problems.push(`admin must be one of ${ADMIN_STATES.map((state) => `"${state}"`).join(', ')}`)
  if ('weight' in fields && weight !== null && !isWeight(weight))
    problems.push(`weight must be a whole number from 0 to ${MAX_WEIGHT}, or null for the configured one`)
  return problems
}

function isWeight(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_WEIGHT
}

function unprocessable(problems: readonly string[]): DoorReply {
  const allowed = `Allowed are admin (${ADMIN_STATES.join(', ')}) and weight (0 to ${MAX_WEIGHT}, or null), either or both.`
  return problem(422, 'unprocessable', allowed, { problems })
}

/** undefined: no JSON. */
function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown
  } catch {
    return undefined
  }
}
