import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatReference } from '../../src/config/reference.ts'
import { builtFields } from '../../src/config/schema/fields.ts'
import { ROOT } from '../../src/config/schema/root.ts'
import type { Schema } from '../../src/config/schema/types.ts'
import {
  CLUSTER_HISTOGRAMS,
  CLUSTER_TABLE,
  ENDPOINT_TABLE,
  LISTENER_TABLE,
  SHARD_TABLE,
} from '../../src/telemetry/catalogue.ts'

/** Every key an operator may write and every number one may read is explained where it is defined, and nowhere else. */

function keysOf(schema: Schema, place: string): (readonly [string, Schema])[] {
  if (schema.kind === 'list' || schema.kind === 'map') return keysOf(schema.of, place)
  if (schema.kind !== 'object') return []
  return builtFields(schema.fields).flatMap(([key, field]) => {
    const path = place === '' ? key : `${place}.${key}`
    return [[path, field] as const, ...keysOf(field, path)]
  })
}

const keys = keysOf(ROOT, '')

test('the configuration has keys', () => {
  const names = keys.map(([name]) => name)
  for (const known of ['shards', 'listeners.bind', 'clusters.endpoints', 'routes.cluster']) {
    assert.ok(names.includes(known), `${known} of ${names.join(' ')}`)
  }
})

test('every configuration key says what it is', () => {
  const silent = keys.filter(([, schema]) => (schema.doc ?? '').trim() === '').map(([name]) => name)
  assert.deepEqual(silent, [], 'give these a doc in src/config/schema')
})

test('every default has its reason, but for the empty list', () => {
  const chosen = keys.filter(([, { default: value }]) => value !== undefined && !Array.isArray(value))
  const bare = chosen.filter(([, { why }]) => (why ?? '') === '')
  assert.deepEqual(
    bare.map(([name]) => name),
    [],
    'give these a why in src/config/schema',
  )
})

test('every configuration key is in the reference', () => {
  const reference = formatReference()
  const missing = keys.filter(([name]) => !reference.includes(name.split('.').at(-1) ?? name))
  assert.deepEqual(missing, [])
})

test('README says where the reference is', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  assert.match(readme, /weir reference/)
})

const families = [SHARD_TABLE, LISTENER_TABLE, CLUSTER_TABLE, ENDPOINT_TABLE].flatMap(
  (table) => table.families,
)
const metrics = [...families, ...CLUSTER_HISTOGRAMS]

test('every metric has one name, in base units, and a sentence of help', () => {
  assert.ok(metrics.length > 10)
  for (const { name, help } of metrics) {
    assert.match(name, /^weir_[a-z]+(_[a-z]+)*$/)
    assert.doesNotMatch(
      name,
      /_(ms|us|milliseconds|microseconds|kib|mib|count)(_total)?$/,
      'seconds and bytes only',
    )
    assert.match(help, /^[A-Z].*\.$/, `${name}: ${help}`)
  }
  const names = metrics.map(({ name }) => name)
  assert.deepEqual(names, [...new Set(names)])
})

test('what only counts up is called _total', () => {
  const wrong = families.filter(({ name }) => !name.endsWith('_total')).map(({ name }) => name)
  assert.deepEqual(wrong, [], 'the tables hold counters')
})
