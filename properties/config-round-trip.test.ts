import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { compileConfig } from '../src/config/compile.ts'
import { parseConfig, printConfig } from '../src/config/parse.ts'
import type { Plain } from '../src/config/plain.ts'
import type { Config } from '../src/config/schema/root.ts'
import { SlotTable } from '../src/config/slots.ts'
import { writtenConfig } from './config-arbitrary.ts'

/** The configuration, or undefined where chance has broken a rule across keys (an address bound twice, say). */
function parsed(written: Plain): Config | undefined {
  return parseConfig(stringify(written), 'weir.yaml').config
}

test('law: arbitrary configurations are mostly accepted (else the laws below say little)', () => {
  const accepted = fc
    .sample(writtenConfig, { numRuns: 200, seed: 1 })
    .filter((written) => parsed(written) !== undefined)
  assert.ok(accepted.length > 150, String(accepted.length))
})

test('law: parse ∘ print is the identity on configurations', () => {
  fc.assert(
    fc.property(writtenConfig, (written) => {
      const config = parsed(written)
      fc.pre(config !== undefined)
      assert.deepEqual(parseConfig(printConfig(config), 'printed').config, config)
    }),
    { numRuns: 200 },
  )
})

test('law: YAML in block style, in flow style and JSON mean the same', () => {
  fc.assert(
    fc.property(writtenConfig, (written) => {
      const json = JSON.stringify(written, (_, value: unknown) =>
        value instanceof Map ? Object.fromEntries(value) : value,
      )
      const block = parseConfig(stringify(JSON.parse(json)), 'f').config
      assert.deepEqual(parseConfig(json, 'f').config, block)
      assert.deepEqual(
        parseConfig(stringify(JSON.parse(json), { collectionStyle: 'flow' }), 'f').config,
        block,
      )
    }),
    { numRuns: 100 },
  )
})

test('law: a snapshot is frozen to the bottom, survives structured clone, and its indexes and ids are valid', () => {
  fc.assert(
    fc.property(
      writtenConfig,
      fc.array(fc.constantFrom('10.9.9.1:80', '10.9.9.2:80', '[::9]:80')),
      (written, answer) => {
        const config = parsed(written)
        fc.pre(config !== undefined)
        const slots = new SlotTable()
        const snapshot = compileConfig(config, {
          version: 1,
          availableCores: 2,
          slots,
          resolved: () => answer,
          machineSeed: 1,
          module: (path) => `file:///${path}`,
          stickyKey: () => [1, 2, 3, 4],
        })
        assertFrozen(snapshot)
        assert.deepEqual(structuredClone(snapshot), snapshot)
        for (const { cluster } of snapshot.routes) assert.ok(snapshot.clusters[cluster] !== undefined)
        const ids = snapshot.clusters.flatMap(({ endpoints }) => endpoints.map(({ id }) => id))
        assert.equal(new Set(ids).size, ids.length)
        assert.deepEqual(slots.unused(snapshot), { listener: [], cluster: [], endpoint: [] })
      },
    ),
    { numRuns: 100 },
  )
})

function assertFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  assert.ok(Object.isFrozen(value))
  assert.ok(Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype, 'plain data')
  for (const part of Object.values(value)) assertFrozen(part)
}
