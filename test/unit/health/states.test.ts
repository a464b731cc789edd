import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ENDPOINT_LIFE, ENDPOINT_STATE, HEALTH_REASONS } from '../../../src/health/states.ts'

test('ARCHITECTURE shows the table of an endpoint’s life as it is', async () => {
  const page = await readFile(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8')
  assert.ok(page.includes(ENDPOINT_LIFE.toMarkdown()))
})

test('untouched memory says ready, for no reason', () => {
  assert.equal(ENDPOINT_STATE.ready, 0)
  assert.equal(HEALTH_REASONS[0], 'nothing speaks against it')
})
