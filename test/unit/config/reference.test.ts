import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonSchema } from '../../../src/config/json-schema.ts'
import { formatReference } from '../../../src/config/reference.ts'
import { builtFields } from '../../../src/config/schema/fields.ts'
import { policy } from '../../../src/config/schema/policy.ts'
import { read } from '../../../src/config/schema/read.ts'
import { ROOT } from '../../../src/config/schema/root.ts'
import type { Schema } from '../../../src/config/schema/types.ts'

/** Every built key of the schema with its path. */
function keysOf(schema: Schema, place: string): readonly (readonly [string, Schema])[] {
  if (schema.kind === 'list' || schema.kind === 'map') return keysOf(schema.of, place)
  if (schema.kind !== 'object') return []
  return builtFields(schema.fields).flatMap(([key, field]) => {
    const path = place === '' ? key : `${place}.${key}`
    return [[path, field] as const, ...keysOf(field, path)]
  })
}

/** Every option with its variant. */
const OPTIONS = Object.entries(policy.variants).flatMap(([name, { fields }]) =>
  builtFields(fields).map(([key, schema]) => [`${name}.${key}`, schema] as const),
)

const KEYS = [...keysOf(ROOT, ''), ...OPTIONS]

test('every key says what it is, and every default why', () => {
  for (const [path, schema] of KEYS) {
    assert.ok(schema.doc !== undefined && schema.doc.endsWith('.'), path)
    assert.equal(schema.why !== undefined, schema.default !== undefined && path !== 'routes', `${path}: why`)
  }
})

test('every default is a value that its own schema reads', () => {
  for (const [path, schema] of KEYS) {
    if (schema.default === undefined) continue
    const fail = (_: unknown, message: string): void => assert.fail(`${path}: ${message}`)
    assert.notEqual(read(schema, schema.default, [], fail), undefined, path)
  }
})

test('the reference holds every key with its default, once', () => {
  const rows = formatReference()
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  assert.equal(rows.length, KEYS.length)
  for (const [path, schema] of KEYS) {
    const plain = rows.filter((row) => row.split('`')[1]!.replaceAll(/\.<\w+>|\[\]/g, '') === path)
    assert.equal(plain.length, 1, path)
    const { default: value } = schema
    const shown = Array.isArray(value) ? `[${value.join(', ')}]` : String(value)
    if (schema.default !== undefined) assert.ok(plain[0]!.includes(`| \`${shown}\` |`), path)
  }
})

test('every timeout of HAProxy stands beside ours', () => {
  const names = [
    'http-request',
    'http-keep-alive',
    'client',
    'server',
    'connect',
    'queue',
    'tunnel',
    'client-fin',
    'server-fin',
  ]
  const text = formatReference()
  for (const name of names) assert.ok(text.includes(`\`timeout ${name}\``), name)
})

test('what is not built yet is neither a row nor completed by editors', () => {
  const rows = formatReference()
    .split('\n')
    .filter((line) => line.startsWith('| '))
  const schema = JSON.stringify(jsonSchema())
  for (const planned of ['handshake']) {
    assert.ok(!rows.some((row) => row.includes(`.${planned}\``) || row.includes(`\`${planned}\``)), planned)
    assert.ok(!schema.includes(`"${planned}"`), planned)
    assert.ok(formatReference().includes(planned), planned)
  }
})

test('the JSON Schema refuses unknown keys at every depth and names its dialect', () => {
  const schema = jsonSchema()
  assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema')
  const text = JSON.stringify(schema)
  const objects = text.split('"properties":').length - 1
  const closed = text.split('"additionalProperties":false').length - 1
  assert.ok(objects > 10)
  const open = text.split('"additionalProperties":{"anyOf"').length - 1 // the options of a module, in policy and shadow
  assert.equal(open, 2)
  assert.equal(closed, objects - open)
})
