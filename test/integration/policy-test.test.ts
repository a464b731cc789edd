import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

/** `weir policy test` as a researcher types it. */
const folder = mkdtempSync(join(tmpdir(), 'weir-policy-'))
after(() => rmSync(folder, { recursive: true }))

const weir = async (...args: string[]): Promise<{ code: number | null; out: string; err: string }> => {
  const child = spawn(process.execPath, ['workers/main.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

const policyFile = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

test('a built-in policy keeps every law that applies to it', async () => {
  const { code, out } = await weir('policy', 'test', 'round-robin', '--seed', '7')
  assert.match(out, /^round-robin, seed 7$/m)
  assert.match(out, /holds {3}no identical endpoint starves.*traefik #12306/)
  assert.match(out, /\d+ laws hold, 0 are broken/)
  assert.equal(code, 0)
})

test("a researcher's policy with bugs is told which laws it breaks, and by what", async () => {
  const path = policyFile(
    'first.ts',
    `let calls = 0
     export const policy = () => ({
       rebuild() {},
       pick(view: { size: number; weights: Float64Array }) {
         if (view.size > 0) view.weights[0] = ++calls
         return view.size === 3 ? 3 : 0
       },
     })`,
  )
  const { code, out } = await weir('policy', 'test', path)
  assert.match(out, /BROKEN {2}a pick is one of the endpoints[^\n]*\n +with 0 endpoints: picked 0/)
  assert.match(
    out,
    /BROKEN {2}a pick changes nothing in the view[^\n]*\n +with 1 endpoints: baseWeights|weights changed/,
  )
  assert.match(out, /BROKEN {2}no identical endpoint starves/)
  assert.equal(code, 1)
})

test('a module that is no policy, is not there, or no such name: said, not thrown', async () => {
  const none = await weir('policy', 'test', policyFile('none.ts', 'export const other = 1'))
  assert.match(none.out, /it exports no function `policy`/)
  assert.equal(none.code, 1)
  const missing = await weir('policy', 'test', './nowhere.ts')
  assert.match(missing.err, /nowhere\.ts is not there/)
  assert.equal(missing.code, 2)
  const misspelt = await weir('policy', 'test', 'peak-emwa')
  assert.match(misspelt.err, /no built-in policy peak-emwa; did you mean "peak-ewma"\?/)
  assert.equal(misspelt.code, 2)
})
