import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../../src/config/parse.ts'
import { fetchReferences, machineSeed } from '../../../src/control/references.ts'
import type { Fetched, ReferenceContext } from '../../../src/control/references.ts'

const folder = await mkdtemp(join(tmpdir(), 'weir-references-'))
test.after(() => rm(folder, { recursive: true, force: true }))

const SECRET = 'correct horse battery staple'

/** With these clusters, one a line. */
async function fetched(clusters: string, more: Partial<ReferenceContext> = {}): Promise<Fetched> {
  const lines = clusters.split('\n').map((line) => `  ${line}`)
  const text = `listeners: { w: { bind: 127.0.0.1:1 } }\nroutes: []\nclusters:\n${lines.join('\n')}\n`
  const { config, diagnostics, locate } = parseConfig(text, 'weir.yaml')
  assert.ok(config !== undefined, JSON.stringify(diagnostics))
  const context = { file: 'weir.yaml', directory: folder, locate, drawn: 'drawn', environment: {}, ...more }
  return fetchReferences(config, context)
}

test('a secret is the same key wherever it comes from, and another secret another key', async () => {
  await writeFile(join(folder, 'key'), `${SECRET}\n`)
  const { references, diagnostics } = await fetched(
    [
      `a: { endpoints: [], sticky: { key: "${SECRET}" } }`,
      'b: { endpoints: [], sticky: { keyFile: key } }',
      `c: { endpoints: [], sticky: { keyFile: "${join(folder, 'key')}" } }`,
      'd: { endpoints: [], sticky: { keyEnv: STICKY } }',
      `e: { endpoints: [], sticky: { key: "${SECRET}!" } }`,
    ].join('\n'),
    { environment: { STICKY: SECRET } },
  )
  assert.deepEqual(diagnostics, [])
  const [a, b, c, d, e] = [...references.stickyKeys.values()]
  assert.deepEqual([b, c, d], [a, a, a])
  assert.notDeepEqual(e, a)
  for (const word of a!) assert.ok(Number.isInteger(word) && word >= 0 && word < 2 ** 32)
})

test('keys that nobody gave stay over reloads, differ between clusters, and between processes', async () => {
  const text = 'a: { endpoints: [], sticky: on }\nb: { endpoints: [], sticky: on }'
  const keys = async (drawn: string): Promise<unknown[]> => [
    ...(await fetched(text, { drawn })).references.stickyKeys.values(),
  ]
  const [a, b] = await keys('one')
  assert.deepEqual(await keys('one'), [a, b])
  assert.notDeepEqual(a, b)
  assert.notDeepEqual((await keys('two'))[0], a)
})

test('a file that is missing, too large, no file, or holds too little', async () => {
  await writeFile(join(folder, 'large'), 'x'.repeat(70_000))
  await writeFile(join(folder, 'short'), 'hunter2')
  const lines = ['none', 'large', '.', 'short'].map(
    (file, at) => `c${at}: { endpoints: [], sticky: { keyFile: ${file} } }`,
  )
  const { diagnostics } = await fetched(lines.join('\n'))
  assert.deepEqual(
    diagnostics.map(({ line, message }) => `${line}: ${message}`),
    [
      '4: clusters.c0.sticky.keyFile: cannot be read (ENOENT)',
      '5: clusters.c1.sticky.keyFile: is larger than 64 KiB',
      '6: clusters.c2.sticky.keyFile: is no regular file',
      '7: clusters.c3.sticky.keyFile: a secret has 24 to 4096 characters',
    ],
  )
})

test('a module that is named twice is one, tried with the options of both', async () => {
  const text =
    "export const policy = ({ n }) => { if (n > 2) throw new Error('n is at most 2'); return { rebuild() {}, pick: (view) => view.size - 1 } }\n"
  await writeFile(join(folder, 'own.mjs'), text)
  const good = await fetched(
    'a: { endpoints: [], policy: { name: ./own.mjs, n: 1 } }\nb: { endpoints: [], shadow: { name: ./own.mjs, n: 2 } }',
  )
  assert.deepEqual(good.diagnostics, [])
  assert.deepEqual([...good.references.modules.keys()], ['./own.mjs'])
  const bad = await fetched(
    'a: { endpoints: [], policy: { name: ./own.mjs, n: 1 } }\nb: { endpoints: [], shadow: { name: ./own.mjs, n: 3 } }',
  )
  assert.deepEqual(
    bad.diagnostics.map(({ message }) => message),
    ['clusters.b.shadow: ./own.mjs policy(options) threw Error: n is at most 2'],
  )
  assert.equal(bad.references.modules.size, 0)
})

test('the seed of this machine is a number of 32 bits that stays', () => {
  assert.equal(machineSeed(), machineSeed())
  assert.ok(Number.isInteger(machineSeed()) && machineSeed() >= 0 && machineSeed() < 2 ** 32)
})
