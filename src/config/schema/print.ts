/** The inverse of `read`: values → what an operator would write, with every key spelt out. */
import type { Plain } from '../plain.ts'
import { formatDuration } from '../values/duration.ts'
import { formatSize } from '../values/size.ts'
import { printChosen } from './variants.ts'
import type { Chosen, Fields, Schema } from './types.ts'

/** Law: `read(schema, print(schema, value))` equals `value`, for every value that `read` has made. */
export function print(schema: Schema, value: unknown): Plain {
  switch (schema.kind) {
    case 'object':
      if (value === 'off') return value
      return printFields(schema.fields, value as Readonly<Record<string, unknown>>)
    case 'map':
      return new Map(
        [...(value as ReadonlyMap<string, unknown>)].map(([name, item]) => [name, print(schema.of, item)]),
      )
    case 'list':
      return (value as readonly unknown[]).map((item) => print(schema.of, item))
    case 'duration':
      return value === 0 ? 'off' : formatDuration(value as number)
    case 'ratio':
      return schema.off && value === 0 ? 'off' : (value as number)
    case 'switch':
      return value === true ? 'on' : value === false ? 'off' : (value as string)
    case 'variants':
      return printChosen(schema, value as Chosen, print)
    case 'size':
      return value === Infinity ? 'unlimited' : formatSize(value as number)
    default:
      return value as string | number
  }
}

function printFields(fields: Fields, value: Readonly<Record<string, unknown>>): Plain {
  const map = new Map<string, Plain>()
  for (const [key, field] of Object.entries(fields)) {
    const item = value[key]
    if (field.kind !== 'planned' && item !== undefined) map.set(key, print(field, item))
  }
  return map
}
