import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ask, namedBackend } from '../support/backend.ts'
import { settingText } from '../support/proxied.ts'
import { configFile, launch, weir } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'

/** Always the endpoint with the largest or the smallest hash, whichever `order` says; `fail` is done before. */
const policyText = (order: '<' | '>', fail = ''): string => `import type { ClusterView, Policy } from 'weir'
export const policy = (): Policy => ({
  rebuild() {},
  pick(view: ClusterView): number {
    ${fail}
    let best = view.size - 1
    for (let i = 0; i < view.size; i++) if (view.hashes[i]! ${order} view.hashes[best]!) best = i
    return best
  },
})
`

type Rig = {
  readonly weir: Weir
  readonly text: string
  readonly save: (policy: string) => Promise<void>
  readonly names: (requests: number) => Promise<readonly string[]>
}

async function start(t: TestContext, policy: string): Promise<Rig> {
  const backends = await Promise.all([namedBackend(t, 'a'), namedBackend(t, 'b')])
  const text = settingText({
    endpoints: backends.map(({ address }) => address),
    cluster: 'policy: ./mine.ts',
  })
  const configPath = await configFile(t, text)
  const save = (changed: string): Promise<void> => writeFile(join(dirname(configPath), 'mine.ts'), changed)
  await save(policy)
  const started = launch(t, ['run', '-c', configPath], configPath)
  await started.line(/^weir: ready/)
  const names = async (requests: number): Promise<readonly string[]> => {
    const answers = await Promise.all(Array.from({ length: requests }, () => ask(started.url('web'))))
    for (const { status } of answers) assert.equal(status, 200)
    return [...new Set(answers.map(({ body }) => body))].toSorted()
  }
  return { weir: started, text, save, names }
}

test('a policy beside the configuration picks on every shard, and a reload takes its changes', async (t) => {
  const { weir: started, text, save, names } = await start(t, policyText('<'))
  const first = await names(24)
  assert.equal(first.length, 1)
  await save(policyText('>'))
  assert.deepEqual(await names(24), first, 'nothing changes without a reload')
  assert.match(await started.reload(text), /^weir: reloaded/)
  const second = await names(24)
  assert.equal(second.length, 1)
  assert.notDeepEqual(second, first)
})

test('a reload with a policy that is wrong is refused, said by its line, and the one before goes on', async (t) => {
  const { weir: started, text, save, names } = await start(t, policyText('<'))
  const before = await names(12)
  const from = started.lines.length
  await save(policyText('<').replace('return best', "return 'best'"))
  assert.match(await started.reload(text), /^weir: reload refused/)
  assert.match(await started.line(/mine\.ts/, from), /mine\.ts:8:5: TS2322: .*'number'/)
  await save(`throw new Error('not today')\n${policyText('>')}`)
  assert.match(await started.reload(text), /^weir: reload refused/)
  assert.deepEqual(await names(12), before)
})

test('a policy that throws at run time fails no request: the default one stands in', async (t) => {
  const fail = "if (view.size === 2) throw new Error('no nerve')" // it is verified with none, one and three
  const { weir: started, names } = await start(t, policyText('<', fail))
  assert.deepEqual(await names(24), ['a', 'b'])
  assert.match(
    await started.line(/no nerve/),
    /policy .*mine\.ts failed, the default policy picked: Error: no nerve/,
  )
})

test('weir check tells of policies and of secrets what is wrong, each at its place, and no secret', async (t) => {
  const secret = 'correct horse battery staple'
  const path = await configFile(
    t,
    `listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: a }]
clusters:
  a: { endpoints: [127.0.0.1:1], policy: ./absent.ts, sticky: { key: "${secret}" } }
  b: { endpoints: [127.0.0.1:1], policy: { name: ./odd.mjs, alpha: 2 }, sticky: { keyFile: short } }
  c: { endpoints: [127.0.0.1:1], shadow: ./typed.ts, sticky: { keyEnv: WEIR_TEST_ABSENT } }
  d: { endpoints: [127.0.0.1:1], sticky: { key: "${secret.slice(0, 12)}" } }
`,
  )
  const folder = dirname(path)
  await writeFile(join(folder, 'odd.mjs'), 'export const policy = () => ({ rebuild() {} })\n')
  await writeFile(join(folder, 'short'), `${secret.slice(0, 14)}\n`)
  await writeFile(
    join(folder, 'typed.ts'),
    "import type { Policy } from 'weir'\nexport const policy = (): Policy => 3\n",
  )
  const one = await weir('check', '-c', path)
  assert.equal(one.code, 1)
  assert.deepEqual(one.stdout.trimEnd().split('\n'), [
    `${path}:7:49: clusters.d.sticky.key: a secret has 24 to 4096 characters`,
  ])
  await writeFile(path, (await readFile(path, 'utf8')).replace(/\n {2}d: .*\n/, '\n'))
  const two = await weir('check', '-c', path)
  assert.equal(two.code, 1)
  assert.deepEqual(two.stdout.trimEnd().split('\n'), [
    `${folder}/typed.ts:2:37: TS2322: Type 'number' is not assignable to type 'Policy'.`,
    `${path}:4:42: clusters.a.policy: ./absent.ts does not exist`,
    `${path}:5:42: clusters.b.policy: ./odd.mjs the policy has no function "pick"`,
    `${path}:5:92: clusters.b.sticky.keyFile: a secret has 24 to 4096 characters`,
    `${path}:6:72: clusters.c.sticky.keyEnv: there is no variable WEIR_TEST_ABSENT`,
  ])
  assert.ok(!`${one.stdout}${one.stderr}${two.stdout}${two.stderr}`.includes(secret.slice(0, 12)))
})
