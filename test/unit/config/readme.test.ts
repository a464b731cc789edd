import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { formatDiagnostic } from '../../../src/config/diagnostic.ts'
import { parseConfig } from '../../../src/config/parse.ts'

test('every configuration in the README is one, without a word of complaint', async () => {
  const page = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((found) => found[1]!)
  assert.ok(blocks.length >= 2)
  for (const block of blocks)
    assert.deepEqual(parseConfig(block, 'README.md').diagnostics.map(formatDiagnostic), [])
})
