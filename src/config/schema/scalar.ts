/** Reading one scalar by its schema: the value, or what is wrong with what stands there. */
import type { Plain } from '../plain.ts'
import { showPlain } from '../plain.ts'
import { nearest } from '../suggest.ts'
import { formatDuration, MAX_DURATION_MS, parseDuration } from '../values/duration.ts'
import { parseRatio } from '../values/ratio.ts'
import type { Parsed } from '../values/parsed.ts'
import { bad, ok } from '../values/parsed.ts'
import { formatSize, parseSize } from '../values/size.ts'
import { FORMATS } from './formats.ts'
import type {
  DurationSchema,
  EnumSchema,
  IntegerSchema,
  NumberSchema,
  RatioSchema,
  SizeSchema,
  SwitchSchema,
  TextSchema,
} from './types.ts'

export type ScalarSchema =
  | DurationSchema
  | SizeSchema
  | IntegerSchema
  | NumberSchema
  | RatioSchema
  | SwitchSchema
  | TextSchema
  | EnumSchema

export function readScalar(schema: ScalarSchema, value: Plain): Parsed<unknown> {
  if (schema.kind === 'enum' && isPlanned(schema, value)) {
    return bad(`${showPlain(value)} is not built yet; there is ${schema.values.join(', ')}`)
  }
  const parsed = parseScalar(schema, value)
  if (!parsed.ok && schema.kind === 'text' && schema.secret) return parsed
  return parsed.ok ? parsed : bad(`${parsed.why}; got ${showPlain(value)}`)
}

function parseScalar(schema: ScalarSchema, value: Plain): Parsed<unknown> {
  const text = 'digits' in schema ? digitsOf(value) : value
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
    case 'ratio':
      return parseRatioValue(schema, value)
    case 'switch':
      return parseSwitch(schema, value)
    case 'enum':
      return parseEnum(schema, value)
    default:
      return typeof text === 'string'
        ? FORMATS[schema.format].parse(text)
        : bad('text is needed (in quotes, if YAML reads it as something else)')
  }
}

function parseDurationValue(schema: DurationSchema, value: Plain): Parsed<number> {
  if (schema.off && isOff(value)) return ok(0)
  const parsed = parseDuration(typeof value === 'string' ? value : '')
  if (!parsed.ok) return parsed
  const min = schema.min === undefined ? 1 : durationOf(schema.min)
  const max = schema.max === undefined ? MAX_DURATION_MS : durationOf(schema.max)
  const or = schema.off ? ', or off,' : ''
  return within(parsed.value, min, max)
    ? parsed
    : bad(`from ${formatDuration(min)} to ${formatDuration(max)}${or} is allowed`)
}

function parseRatioValue(schema: RatioSchema, value: Plain): Parsed<number> {
  if (schema.off && isOff(value)) return ok(0)
  const { min, max } = schema
  const parsed = typeof value === 'string' || typeof value === 'number' ? parseRatio(value) : parseRatio('')
  if (!parsed.ok) return parsed
  return within(parsed.value, min, max) ? parsed : bad(`from ${min * 100}% to ${max * 100}% is allowed`)
}

function parseSwitch({ word }: SwitchSchema, value: Plain): Parsed<boolean | string> {
  if (word !== undefined && value === word) return ok(word)
  if (isOn(value)) return ok(true)
  if (isOff(value)) return ok(false)
  return bad(`${word === undefined ? '' : `${word}, `}on or off is needed`)
}

/** YAML 1.2 reads both words as text and means the other two by its booleans. */
export function isOn(value: Plain): boolean {
  return value === 'on' || value === true
}

export function isOff(value: Plain): boolean {
  return value === 'off' || value === false
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
  const word = schema.digits ? digitsOf(value) : value
  const text = typeof word === 'string' ? word : ''
  if (schema.values.includes(text)) return ok(text)
  const near = nearest(text, schema.values)
  return bad(
    `one of ${schema.values.join(', ')} is needed${near === undefined ? '' : ` (did you mean "${near}"?)`}`,
  )
}

function isPlanned(schema: EnumSchema, value: Plain): boolean {
  if (typeof value !== 'string') return false
  return (schema.planned ?? []).includes(value)
}

/** `503` for 503; anything else as it is. */
function digitsOf(value: Plain): Plain {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value.toFixed(0) : value
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
