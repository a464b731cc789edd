import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const INDEX = new URL('../../native/index.ts', import.meta.url).href
const ADDON = fileURLToPath(new URL('../../native/build/Release/engine.node', import.meta.url))

test('an addon that lacks a method, because it was built from older sources, is refused with what to do', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-engine-'))
  t.after(() => rm(folder, { recursive: true }))
  const older = join(folder, 'older.cjs')
  await writeFile(
    older,
    `const addon = require(${JSON.stringify(ADDON)})
const { guardHeap, ...host } = addon.host
module.exports = { ...addon, host }
`,
  )
  const load = (engine: string): Promise<unknown> =>
    promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', `await import(${JSON.stringify(INDEX)})`],
      {
        env: { ...process.env, WEIR_ENGINE: engine },
      },
    )
  await load(ADDON)
  await assert.rejects(load(older), /built from other sources: run `npm ci`/)
})
