import { problem } from '../io/problem.ts'
import type { DoorReply } from '../io/problem.ts'

/** The object of JSON that a body is, or why it is none: 415 for another media type, 400 for what is no JSON; 422 (`unprocessable`) for another value. */
export function readObject(
  { type, body }: { readonly type: string; readonly body: Uint8Array },
  types: readonly string[],
  unprocessable: (problems: readonly string[]) => DoorReply,
): { readonly fields: Readonly<Record<string, unknown>> } | DoorReply {
  if (!types.includes(type))
    return problem(415, 'media-type', `Send application/json, not ${type === '' ? 'nothing' : type}.`)
  const value = parsed(body)
  if (value === undefined) return problem(400, 'malformed', 'The body is not JSON in UTF-8.')
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unprocessable(['the body must be an object'])
  // An object of JSON has string keys and nothing else
  return { fields: value as Readonly<Record<string, unknown>> }
}

/** Names of keys that are none of `known`: as many as are of use. */
export function unknownKeys(
  fields: Readonly<Record<string, unknown>>,
  known: readonly string[],
): readonly string[] {
  const unknown = Object.keys(fields).filter((key) => !known.includes(key))
  return unknown.slice(0, 8).map((key) => `unknown key ${JSON.stringify(key.slice(0, 64))}`)
}

/** undefined: no JSON. */
function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown
  } catch {
    return undefined
  }
}
