/**
 * Plain values → what a schema says they are. Never throws and never stops early: what is wrong is reported and leaves a hole
 * (`undefined`), and reading goes on beside it.
 */
import type { Path, Plain, PlainMap, Report } from '../plain.ts'
import { isMapping, isSequence, showPlain, showText } from '../plain.ts'
import { nearest, suggestion } from '../suggest.ts'
import { formatDuration, MAX_DURATION_MS, parseDuration } from '../values/duration.ts'
import type { Parsed } from '../values/parsed.ts'
import { bad, ok } from '../values/parsed.ts'
import { formatSize, parseSize } from '../values/size.ts'
import { FORMATS, parseNameText } from './formats.ts'
import type {
  DurationSchema,
  EnumSchema,
  Fields,
  IntegerSchema,
  ListSchema,
  MapSchema,
  NumberSchema,
} from './types.ts'
import type { ObjectSchema, Schema, SizeSchema, TextSchema } from './types.ts'

export function read(schema: Schema, value: Plain, path: Path, report: Report): unknown {
  switch (schema.kind) {
    case 'object':
      return readObject(schema, value, path, report)
    case 'map':
      return readMap(schema, value, path, report)
    case 'list':
      return readList(schema, value, path, report)
    default: {
      const parsed = readScalar(schema, value)
      if (parsed.ok) return parsed.value
      report(path, parsed.why)
      return undefined
    }
  }
}

type ScalarSchema = DurationSchema | SizeSchema | IntegerSchema | NumberSchema | TextSchema | EnumSchema

function readScalar(schema: ScalarSchema, value: Plain): Parsed<unknown> {
  const parsed = parseScalar(schema, value)
  return parsed.ok
    ? parsed
    : bad(parsed.why.includes('not built yet') ? parsed.why : `${parsed.why}; got ${showPlain(value)}`)
}

function parseScalar(schema: ScalarSchema, value: Plain): Parsed<unknown> {
  switch (schema.kind) {
    case 'duration':
      return parseDurationValue(schema, value)
    case 'size':
      return parseSizeValue(schema, value)
    case 'integer':
      return parseInteger(schema, value)
    case 'number':
      return typeof value === 'number' && value >= schema.min && value <= schema.max
        ? ok(value)
        : bad(`a number from ${schema.min} to ${schema.max} is needed`)
    case 'enum':
      return parseEnum(schema, value)
    default:
      return typeof value === 'string'
        ? FORMATS[schema.format].parse(value)
        : bad('text is needed (in quotes, if YAML reads it as something else)')
  }
}

function parseDurationValue(schema: DurationSchema, value: Plain): Parsed<number> {
  const parsed = parseDuration(typeof value === 'string' ? value : '')
  if (!parsed.ok) return parsed
  const min = schema.min === undefined ? 1 : durationOf(schema.min)
  const max = schema.max === undefined ? MAX_DURATION_MS : durationOf(schema.max)
  return within(parsed.value, min, max)
    ? parsed
    : bad(`from ${formatDuration(min)} to ${formatDuration(max)} is allowed`)
}

function parseSizeValue(schema: SizeSchema, value: Plain): Parsed<number> {
  if (schema.unlimited && value === 'unlimited') return ok(Infinity)
  const parsed = typeof value === 'string' || typeof value === 'number' ? parseSize(value) : parseSize('')
  if (!parsed.ok) return parsed
  const min = sizeOf(schema.min)
  const max = sizeOf(schema.max)
  const or = schema.unlimited ? ', or unlimited,' : ''
  return within(parsed.value, min, max)
    ? parsed
    : bad(`from ${formatSize(min)} to ${formatSize(max)}${or} is allowed`)
}

function parseInteger(schema: IntegerSchema, value: Plain): Parsed<number | string> {
  if (schema.word !== undefined && value === schema.word) return ok(schema.word)
  const or = schema.word === undefined ? '' : `"${schema.word}" or `
  return typeof value === 'number' && Number.isInteger(value) && within(value, schema.min, schema.max)
    ? ok(value === 0 ? 0 : value)
    : bad(`${or}a whole number from ${schema.min} to ${schema.max} is needed`)
}

function parseEnum(schema: EnumSchema, value: Plain): Parsed<string> {
  const text = typeof value === 'string' ? value : ''
  if (schema.values.includes(text)) return ok(text)
  const planned =
    schema.planned?.includes(text) || (schema.plannedLike && new RegExp(schema.plannedLike).test(text))
  if (planned) return bad(`${showText(text)} is not built yet; there is ${schema.values.join(', ')}`)
  return bad(
    `one of ${schema.values.join(', ')} is needed${suggestion(text, schema.values).replace('?', '')}`,
  )
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
  if (!fits(value.length, schema, 'items', path, report)) return undefined
  return value.map((item, at) => read(schema.of, item, [...path, at], report))
}

function readMap(schema: MapSchema, value: Plain, path: Path, report: Report): unknown {
  if (!isMapping(value)) {
    report(path, `a mapping of names to ${schema.entry}s is needed; got ${showPlain(value)}`)
    return undefined
  }
  if (!fits(value.size, schema, `${schema.entry}s`, path, report)) return undefined
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
  if (short === undefined || value === null || isSequence(value)) {
    const or = short === undefined ? '' : `${short} or `
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
    const content = given === undefined ? absent(field) : given
    if (content === undefined) report(path, `the key "${key}" is missing`, 'key')
    else result[key] = read(field, content, at, report)
  }
  return result
}

/** What an absent key means, as it would have been written; undefined = it must not be absent. */
function absent(field: Schema): Plain | undefined {
  if (field.default !== undefined) return field.default
  const empty = field.kind === 'object' || (field.kind === 'map' && (field.min ?? 0) === 0)
  return empty ? new Map() : undefined
}

/** Returns the keys that were probably meant: they are holes, neither absent nor their default. */
function reportUnknown(fields: Fields, value: PlainMap, path: Path, report: Report): ReadonlySet<string> {
  const meant = new Set<string>()
  for (const key of value.keys()) {
    if (Object.hasOwn(fields, key)) continue
    const guess = meantKey(key, fields)
    if (guess !== undefined) meant.add(guess)
    const hint =
      guess === undefined ? `; there is ${builtKeys(fields).join(', ')}` : `; did you mean "${guess}"?`
    report([...path, key], `unknown key${hint}`, 'key')
  }
  return meant
}

/** By HAProxy's name, or by likeness. */
function meantKey(key: string, fields: Fields): string | undefined {
  const built = builtKeys(fields)
  const peer = built.find((name) => {
    const field = fields[name] as Schema
    return field.haproxy === key || field.haproxy === `timeout ${key}`
  })
  return peer ?? nearest(key, built)
}

function builtKeys(fields: Fields): readonly string[] {
  return Object.keys(fields).filter((name) => fields[name]?.kind !== 'planned')
}

function fits(
  count: number,
  schema: ListSchema | MapSchema,
  what: string,
  path: Path,
  report: Report,
): boolean {
  const { min = 0, max } = schema
  if (within(count, min, max)) return true
  report(
    path,
    count < min
      ? `at least ${min} is needed; got ${count}`
      : `at most ${max} ${what} are allowed; got ${count}`,
  )
  return false
}

function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max
}

/** Of the schema's own texts. */
function durationOf(text: string): number {
  const parsed = parseDuration(text)
  if (!parsed.ok) throw new Error(`the schema holds no duration: ${text}`)
  return parsed.value
}

function sizeOf(text: string): number {
  const parsed = parseSize(text)
  if (!parsed.ok) throw new Error(`the schema holds no size: ${text}`)
  return parsed.value
}
