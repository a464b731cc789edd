/** What the fields of an object schema mean, said once for all interpreters. */
import type { Plain } from '../plain.ts'
import type { Fields, Schema } from './types.ts'

/** The fields that work, in order. */
export function builtFields(fields: Fields): readonly (readonly [string, Schema])[] {
  return Object.entries(fields).flatMap(([key, field]) =>
    field.kind === 'planned' ? [] : [[key, field] as const],
  )
}

/** What an absent key means, as it would have been written; undefined = it must not be absent, unless it is optional. */
export function valueOfAbsent(field: Schema): Plain | undefined {
  if (field.default !== undefined) return field.default
  const empty = field.kind === 'object' || (field.kind === 'map' && (field.min ?? 0) === 0)
  return empty ? new Map() : undefined
}

export function isRequired(field: Schema): boolean {
  return field.optional !== true && valueOfAbsent(field) === undefined
}
