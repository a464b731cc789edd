import { ADMIN_STATES } from '../health/states.ts'
import type { AdminState } from '../health/states.ts'
import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'
import { readObject, unknownKeys } from './json-body.ts'

/** What an operator wants of an endpoint: only what is named changes. `weight: null`: as configured again. */
export type EndpointPatch = { readonly admin?: AdminState; readonly weight?: number | null }

/** Media types a patch may come as: the second is RFC 7396, of which this is the plainest case. */
const PATCH_TYPES = ['application/json', 'application/merge-patch+json']
const MAX_WEIGHT = 1_000_000
const KEYS = ['admin', 'weight']

/** The patch, or why it is none: 415 for another media type, 400 for what is no JSON, 422 for what makes no sense, with all that is wrong. */
export function readPatch(type: string, body: Uint8Array): EndpointPatch | DoorReply {
  const read = readObject({ type, body }, PATCH_TYPES, unprocessable)
  if ('status' in read)
    return read.status === 415 ? { ...read, headers: { 'accept-patch': PATCH_TYPES.join(', ') } } : read // RFC 5789 §3.1
  const problems = problemsOf(read.fields)
  return problems.length > 0 ? unprocessable(problems) : read.fields
}

function problemsOf(fields: Readonly<Record<string, unknown>>): readonly string[] {
  const problems = [...unknownKeys(fields, KEYS)]
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
