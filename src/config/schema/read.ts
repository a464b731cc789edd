/**
 * Plain values → what a schema says they are. Never throws and never stops early: what is wrong is reported and leaves a hole
 * (`undefined`), and reading goes on beside it.
 */
import type { Path, Plain, PlainMap, Report } from '../plain.ts'
import { isMapping, isSequence, showPlain, showText } from '../plain.ts'
import { nearest } from '../suggest.ts'
import { builtFields, valueOfAbsent } from './fields.ts'
import { parseNameText } from './formats.ts'
import { isOff, isOn, readScalar } from './scalar.ts'
import { readChosen } from './variants.ts'
import type { Fields, ListSchema, MapSchema, ObjectSchema, Schema } from './types.ts'

export function read(schema: Schema, value: Plain, path: Path, report: Report): unknown {
  switch (schema.kind) {
    case 'object':
      return readObject(schema, value, path, report)
    case 'map':
      return readMap(schema, value, path, report)
    case 'list':
      return readList(schema, value, path, report)
    case 'variants':
      return readChosen(schema, value, { path, report, readFields })
    default: {
      const parsed = readScalar(schema, value)
      if (parsed.ok) return parsed.value
      report(path, parsed.why)
      return undefined
    }
  }
}

function readList(schema: ListSchema, value: Plain, path: Path, report: Report): unknown {
  if (!isSequence(value)) {
    if (schema.single && value !== null) {
      const item = read(schema.of, value, path, report)
      return item === undefined ? undefined : [item]
    }
    report(path, `a list is needed; got ${showPlain(value)}`)
    return undefined
  }
  if (!fits(value.length, schema, path, report)) return undefined
  return value.map((item, at) => read(schema.of, item, [...path, at], report))
}

function readMap(schema: MapSchema, value: Plain, path: Path, report: Report): unknown {
  if (!isMapping(value)) {
    report(path, `a mapping of names to ${schema.entry}s is needed; got ${showPlain(value)}`)
    return undefined
  }
  if (!fits(value.size, schema, path, report)) return undefined
  const map = new Map<string, unknown>()
  for (const [name, item] of value) {
    const at = [...path, name]
    const parsed = parseNameText(name)
    if (!parsed.ok) report(at, `${parsed.why}; got ${showText(name)}`, 'key')
    map.set(name, read(schema.of, item, at, report))
  }
  return map
}

function readObject(schema: ObjectSchema, value: Plain, path: Path, report: Report): unknown {
  const { fields, short } = schema
  if (isMapping(value)) return readFields(fields, value, path, report)
  if (schema.toggle && (value === null || isOn(value))) return readFields(fields, new Map(), path, report)
  if (schema.toggle && isOff(value)) return 'off'
  if (short === undefined || value === null || isSequence(value)) {
    const words = [...(schema.toggle ? ['on', 'off'] : []), ...(short === undefined ? [] : [short])]
    const or = words.length === 0 ? '' : `${words.join(', ')} or `
    report(path, `${or}a mapping is needed; got ${showPlain(value)}`)
    return undefined
  }
  // The scalar stands for one key: what is wrong with it is said of the place where it was written.
  const inner: Report = (_, message) => report(path, message)
  return readFields(fields, new Map([[short, value]]), path, inner)
}

function readFields(fields: Fields, value: PlainMap, path: Path, report: Report): unknown {
  const meant = reportUnknown(fields, value, path, report)
  const result: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(fields)) {
    const at = [...path, key]
    const given = value.get(key)
    if (field.kind === 'planned') {
      if (given !== undefined) report(at, 'is not built yet', 'key')
      continue
    }
    if (given === undefined && meant.has(key)) {
      result[key] = undefined
      continue
    }
    if (given === undefined && field.optional) continue
    const content = given === undefined ? valueOfAbsent(field) : given
    if (content === undefined) report(path, `the key "${key}" is missing`, 'key')
    else result[key] = read(field, content, at, report)
  }
  return result
}

/** Returns the keys that were probably meant: they are holes, neither absent nor their default. */
function reportUnknown(fields: Fields, value: PlainMap, path: Path, report: Report): ReadonlySet<string> {
  const meant = new Set<string>()
  for (const key of value.keys()) {
    if (Object.hasOwn(fields, key)) continue
    const guess = meantKey(key, fields)
    if (guess !== undefined) meant.add(guess)
    const keys = builtFields(fields).map(([name]) => name)
    const hint = guess === undefined ? `; there is ${keys.join(', ')}` : `; did you mean "${guess}"?`
    report([...path, key], `unknown key${hint}`, 'key')
  }
  return meant
}

/** By HAProxy's name, or by likeness. */
function meantKey(key: string, fields: Fields): string | undefined {
  const built = builtFields(fields)
  const peer = built.find(([, field]) => field.haproxy === key || field.haproxy === `timeout ${key}`)
  return peer === undefined
    ? nearest(
        key,
        built.map(([name]) => name),
      )
    : peer[0]
}

function fits(count: number, schema: ListSchema | MapSchema, path: Path, report: Report): boolean {
  const { min = 0, max } = schema
  if (count >= min && count <= max) return true
  report(
    path,
    count < min ? `at least ${min} is needed; got ${count}` : `at most ${max} are allowed; got ${count}`,
  )
  return false
}
