import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { jsonSchema } from '../src/config/json-schema.ts'
import { parseConfig } from '../src/config/parse.ts'
import { writtenConfig } from './config-arbitrary.ts'

type Rules = Readonly<Record<string, unknown>>
const KNOWN = new Set(
  [
    '$schema',
    'title',
    'description',
    'default',
    'type',
    'pattern',
    'anyOf',
    'const',
    'enum',
    'minimum',
    'maximum',
    'items',
  ].concat([
    'minItems',
    'maxItems',
    'properties',
    'required',
    'additionalProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
  ]),
)

/** The part of draft 2020-12 that we use, after its specification; a keyword it does not know fails the test. */
function valid(rules: Rules, value: unknown): boolean {
  for (const keyword of Object.keys(rules))
    assert.ok(KNOWN.has(keyword), `the validator does not know ${keyword}`)
  if (Array.isArray(rules['anyOf']) && !(rules['anyOf'] as Rules[]).some((option) => valid(option, value)))
    return false
  if ('const' in rules && rules['const'] !== value) return false
  if (Array.isArray(rules['enum']) && !rules['enum'].includes(value)) return false
  if (
    'type' in rules &&
    rules['type'] !== typeOf(value) &&
    !(rules['type'] === 'number' && typeOf(value) === 'integer')
  )
    return false
  if (typeof value === 'string')
    return typeof rules['pattern'] !== 'string' || new RegExp(rules['pattern'], 'u').test(value)
  if (typeof value === 'number') return within(value, rules['minimum'], rules['maximum'])
  if (Array.isArray(value)) {
    const items = rules['items'] as Rules | undefined
    return (
      within(value.length, rules['minItems'], rules['maxItems']) &&
      (!items || value.every((item) => valid(items, item)))
    )
  }
  return typeof value === 'object' && value !== null ? validObject(rules, value as Rules) : true
}

function validObject(rules: Rules, value: Rules): boolean {
  const properties = (rules['properties'] ?? {}) as Readonly<Record<string, Rules>>
  const names = rules['propertyNames'] as Rules | undefined
  const keys = Object.keys(value)
  if (!within(keys.length, rules['minProperties'], rules['maxProperties'])) return false
  if (((rules['required'] ?? []) as string[]).some((key) => !(key in value))) return false
  return keys.every((key) => {
    if (names !== undefined && !valid(names, key)) return false
    const own = properties[key]
    const other = rules['additionalProperties']
    if (own !== undefined) return valid(own, value[key])
    return other !== false && (other === undefined || valid(other as Rules, value[key]))
  })
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function within(value: number, min: unknown, max: unknown): boolean {
  return value >= Number(min ?? -Infinity) && value <= Number(max ?? Infinity)
}

function plain(written: unknown): unknown {
  return JSON.parse(
    JSON.stringify(written, (_, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value,
    ),
  )
}

test('law: what parseConfig accepts, the JSON Schema does', () => {
  const schema = jsonSchema()
  fc.assert(
    fc.property(writtenConfig, (written) => {
      const { config } = parseConfig(stringify(written), 'f')
      if (config !== undefined) assert.ok(valid(schema, plain(written)))
    }),
    { numRuns: 200 },
  )
})

test('law: what the JSON Schema refuses for its shape, parseConfig does', () => {
  const schema = jsonSchema()
  const junk = fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0.5,
    1e9,
    '',
    'x',
    '5 s',
    '9KB',
    [],
    [1],
    {},
    { x: 1 },
  )
  const places = [
    ['shards'], ['admin'], ['admin', 'bind'], ['accessLog'], ['listeners'], ['listeners', 'web'], ['listeners', 'web', 'bind'],
    ['listeners', 'web', 'timeouts', 'client'], ['listeners', 'web', 'limits', 'head'], ['listeners', 'web', 'extra'], ['routes'],
    ['routes', '0'], ['routes', '0', 'path'], ['clusters', 'web', 'endpoints'], ['clusters', 'web', 'policy'], ['drain', 'hard'],
  ] // prettier-ignore
  fc.assert(
    fc.property(fc.constantFrom(...places), junk, (place, value) => {
      const config = {
        admin: { bind: '127.0.0.1:2' },
        listeners: { web: { bind: '127.0.0.1:1', timeouts: { client: '1s' }, limits: { head: '8KiB' } } },
        routes: [{ cluster: 'web', path: '/' }],
        clusters: { web: { endpoints: ['127.0.0.1:3'] } },
        drain: { hard: '20s' },
      }
      let at = config as unknown as Record<string, unknown>
      for (const step of place.slice(0, -1)) at = at[step] as Record<string, unknown>
      at[place.at(-1)!] = value
      if (!valid(schema, config)) assert.equal(parseConfig(JSON.stringify(config), 'f').config, undefined)
    }),
    { numRuns: 500 },
  )
})
