import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { verifyModule } from '../../../src/control/policy-modules.ts'
import type { ModuleVerdict } from '../../../src/control/policy-modules.ts'

const IMPORT = "import type { Policy } from 'weir'\n"
const GOOD = `${IMPORT}export const policy = (): Policy => ({
  rebuild() {},
  pick: (view, _key, rng) => (view.size === 0 ? -1 : rng.below(view.size)),
})\n`

const folder = await mkdtemp(join(tmpdir(), 'weir-modules-'))
test.after(() => rm(folder, { recursive: true, force: true }))

async function verdictOn(
  name: string,
  text: string,
  options: Readonly<Record<string, number>> = {},
  auditMs?: number,
): Promise<ModuleVerdict> {
  const path = join(folder, name)
  await writeFile(path, text)
  return verifyModule(path, [options], auditMs)
}

test('a policy is accepted; its URL changes with its text and only with it', async () => {
  const first = await verdictOn('good.ts', GOOD)
  assert.deepEqual([first.problem, first.types], ['', { errors: [], warning: '' }])
  assert.match(first.url ?? '', /^file:\/\/\/.*\/good\.ts\?v=[0-9a-f]{16}$/)
  assert.equal((await verdictOn('good.ts', GOOD)).url, first.url)
  const edited = (await verdictOn('good.ts', `${GOOD}// edited\n`)).url
  assert.ok(edited !== undefined && edited !== first.url)
})

test('the policy in the README is one', async () => {
  const page = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  const [, text = ''] = /^```ts\n(.*?)^```$/ms.exec(page) ?? []
  const { problem, types, url } = await verdictOn('readme.ts', text)
  assert.deepEqual([problem, types.errors], ['', []])
  assert.ok(url !== undefined)
})

test('JavaScript is accepted without types', async () => {
  const plain = 'export const policy = () => ({ rebuild() {}, pick: (view) => view.size - 1 })\n'
  assert.equal((await verdictOn('plain.mjs', plain)).problem, '')
})

const wrongTypes: readonly (readonly [name: string, text: string, line: number, message: RegExp])[] = [
  [
    'pick returns text',
    `${IMPORT}export const policy = (): Policy => ({\n  rebuild() {},\n  pick: () => 'first',\n})\n`,
    4,
    /not assignable to type 'number'/,
  ],
  ['no policy', 'export const other = 1\n', 1, /'policy' does not exist/],
  ['a policy that is no function', 'export const policy = 1\n', 1, /not assignable to type '\(options: /],
  ['no pick', `${IMPORT}export const policy = (): Policy => ({ rebuild() {} })\n`, 2, /'pick' is missing/],
  ['what Node cannot strip', `${GOOD}enum Colour { red }\n`, 6, /erasableSyntaxOnly/],
  ['a clock', `${GOOD}export const now = (): number => process.uptime()\n`, 6, /Cannot find name 'process'/],
  ['no TypeScript', 'export const policy = (: => {\n', 1, /Expression expected/],
]

for (const [name, text, line, message] of wrongTypes) {
  test(`types: ${name}`, async () => {
    const { url, types } = await verdictOn('types.ts', text)
    assert.equal(url, undefined)
    const [first] = types.errors
    assert.ok(first !== undefined, 'nothing was found')
    assert.equal(first.line, line)
    assert.ok(first.file.endsWith('types.ts') && !first.message.includes('\n'))
    assert.match(first.message, message)
  })
}

const POLICY = '({ rebuild() {}, pick: (view) => (view.size === 0 ? -1 : 0) })'
const misbehaved: readonly (readonly [name: string, text: string, problem: RegExp])[] = [
  ['an index out of range', POLICY.replace(': 0', ': view.size'), /^pick, with 1 endpoints, returned 1$/],
  ['no number', POLICY.replace(': 0', ": '0'"), /^pick, .* returned a value of type string, not an index$/],
  ['a pick of none', POLICY.replace('-1', '0'), /^pick, with 0 endpoints, returned 0, not -1$/],
  [
    'a rebuild that throws',
    POLICY.replace('{}', "{ throw new Error('no luck') }"),
    /^rebuild, .* threw Error: no luck$/,
  ],
  ['no rebuild', '({ pick: () => 0 })', /^the policy has no function "rebuild"$/],
  ['nothing', 'undefined', /^policy\(options\) returned undefined, not a policy$/],
  [
    'save without restore',
    POLICY.replace('rebuild()', 'save: () => 0, rebuild()'),
    /^the policy has "save" but no "restore"$/,
  ],
  [
    'a mark of the wrong type',
    POLICY.replace('rebuild()', 'heedsWeights: 1, rebuild()'),
    /^"heedsWeights" of the policy is a value of type number, not a boolean$/,
  ],
]

for (const [name, made, problem] of misbehaved) {
  test(`behaviour: ${name}`, async () => {
    const verdict = await verdictOn('odd.mjs', `export const policy = () => ${made}\n`)
    assert.equal(verdict.url, undefined)
    assert.match(verdict.problem, problem)
  })
}

test('options reach it, and what it throws of them is told', async () => {
  const text = `export const policy = ({ alpha }) => { if (alpha > 1) throw new Error('alpha is at most 1'); return ${POLICY} }\n`
  assert.equal((await verdictOn('options.mjs', text, { alpha: 1 })).problem, '')
  assert.match((await verdictOn('options.mjs', text, { alpha: 2 })).problem, /alpha is at most 1/)
})

test('a module that throws, ends its thread, takes all memory or never ends is refused, and nobody else is harmed', async () => {
  const after = `\nexport const policy = () => ${POLICY}\n`
  const throwing = await verdictOn('throws.mjs', `throw new Error('not today')${after}`)
  assert.match(throwing.problem, /^cannot be imported: not today$/)
  const ending = await verdictOn('exits.mjs', `process.exit(7)${after}`)
  assert.match(ending.problem, /^ended the thread it was tried in: .*exit code 7$/)
  const greedy = await verdictOn(
    'grows.mjs',
    `const all = []; for (;;) all.push(new Array(100_000).fill(all.length))${after}`,
  )
  assert.match(greedy.problem, /^ended the thread it was tried in: .*memory/)
  const endless = await verdictOn('hangs.mjs', `for (;;) {}${after}`, {}, 1000)
  assert.match(endless.problem, /^was not done after 1 s: does it loop for ever\?$/)
})

test('what is no file, or too large for one, is told', async () => {
  assert.equal((await verifyModule(join(folder, 'none.ts'), [{}])).problem, 'does not exist')
  assert.equal((await verifyModule(folder, [{}])).problem, 'is no regular file')
  const large = await verdictOn('large.mjs', ' '.repeat(2 ** 20 + 1))
  assert.equal(large.problem, 'is larger than 1024 KiB')
})
