/** Reading and printing a thing by its name and the options of this name (`VariantsSchema`). */
import type { Path, Plain, PlainMap, Report } from '../plain.ts'
import { isMapping, isSequence, showPlain, showText } from '../plain.ts'
import { nearest } from '../suggest.ts'
import { FORMATS } from './formats.ts'
import type { Chosen, ChosenOptions, Fields, Schema, VariantsSchema } from './types.ts'

/** Of a variant that is not ours to check. */
const MAX_FREE_OPTIONS = 64
const MAX_FREE_TEXT = 4096
const FREE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

/** What reading goes on with; `readFields` is the interpreter of the keys of an object. */
export type ChosenReader = {
  readonly path: Path
  readonly report: Report
  readonly readFields: (fields: Fields, value: PlainMap, path: Path, report: Report) => unknown
}

export function readChosen(schema: VariantsSchema, value: Plain, reader: ChosenReader): Chosen | undefined {
  const { path, report } = reader
  if (!isMapping(value)) {
    const name = readName(schema, value, (message) => report(path, message))
    return name === undefined ? undefined : { name, options: readOptions(schema, name, new Map(), reader) }
  }
  const given = value.get('name')
  if (given === undefined) report(path, 'the key "name" is missing', 'key')
  const name = readName(schema, given ?? null, (message) => {
    if (given !== undefined) report([...path, 'name'], message)
  })
  if (name === undefined) return undefined
  const options = new Map([...value].filter(([key]) => key !== 'name'))
  return { name, options: readOptions(schema, name, options, reader) }
}

function readName(schema: VariantsSchema, value: Plain, fail: (message: string) => void): string | undefined {
  const { variants, other, entry } = schema
  if (isSequence(value) || isMapping(value) || typeof value !== 'string') {
    fail(`the name of a ${entry} or a mapping is needed; got ${showPlain(value)}`)
    return undefined
  }
  if (Object.hasOwn(variants, value)) return value
  const parsed = FORMATS[other].parse(value)
  if (parsed.ok) return parsed.value
  const near = nearest(value, Object.keys(variants))
  const guess = near === undefined ? '' : ` (did you mean "${near}"?)`
  fail(
    `one of ${Object.keys(variants).join(', ')}, or ${parsed.why}, is needed${guess}; got ${showText(value)}`,
  )
  return undefined
}

function readOptions(
  schema: VariantsSchema,
  name: string,
  given: PlainMap,
  { path, report, readFields }: ChosenReader,
): ChosenOptions {
  const fields = Object.hasOwn(schema.variants, name) ? schema.variants[name]!.fields : undefined
  if (fields === undefined) return readFreeOptions(given, path, report)
  const known = new Map<string, Plain>()
  for (const [key, value] of given) {
    if (Object.hasOwn(fields, key)) known.set(key, value)
    else report([...path, key], `${name} has no such option${hintFor(schema, fields, key)}`, 'key')
  }
  return readFields(fields, known, path, report) as ChosenOptions
}

function hintFor({ variants }: VariantsSchema, fields: Fields, key: string): string {
  const keys = Object.keys(fields)
  const near = nearest(key, keys)
  if (near !== undefined) return `; did you mean "${near}"?`
  const owners = Object.keys(variants).filter((name) => Object.hasOwn(variants[name]!.fields, key))
  const there = keys.length === 0 ? '; it has none' : `; there is ${keys.join(', ')}`
  return owners.length === 0 ? there : `${there} (${key} is one of ${owners.join(', ')})`
}

function readFreeOptions(given: PlainMap, path: Path, report: Report): ChosenOptions {
  if (given.size > MAX_FREE_OPTIONS)
    report(path, `at most ${MAX_FREE_OPTIONS} options are allowed; got ${given.size}`)
  const options: Record<string, number | string | boolean> = {}
  for (const [key, value] of given) {
    const at = [...path, key]
    if (!FREE_NAME.test(key)) report(at, 'an option is up to 64 letters, digits and "_"', 'key')
    else if (isMapping(value) || isSequence(value) || value === null)
      report(at, `an option is a number, text, true or false; got ${showPlain(value)}`)
    else if (typeof value === 'number' && !Number.isFinite(value))
      report(at, `an option is a finite number; got ${showPlain(value)}`)
    else if (typeof value === 'string' && value.length > MAX_FREE_TEXT)
      report(at, `an option is at most ${MAX_FREE_TEXT} characters`)
    else options[key] = value === 0 ? 0 : value
  }
  return options
}

export function printChosen(
  schema: VariantsSchema,
  { name, options }: Chosen,
  print: (schema: Schema, value: unknown) => Plain,
): Plain {
  const fields = Object.hasOwn(schema.variants, name) ? schema.variants[name]!.fields : {}
  const map = new Map<string, Plain>([['name', name]])
  for (const [key, value] of Object.entries(options)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined
    map.set(key, field === undefined || field.kind === 'planned' ? value : print(field, value))
  }
  return map
}
