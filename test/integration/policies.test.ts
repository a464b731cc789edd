import assert from 'node:assert/strict'
import { test } from 'node:test'
import { POLICY_DEFAULTS } from '../../src/balance/options.ts'
import { ask, namedBackend } from '../support/backend.ts'
import { startWeir } from '../support/weir.ts'

const NAMES = Object.keys(POLICY_DEFAULTS)
const HASHING = ['ring-hash', 'maglev', 'rendezvous']

test('every policy serves by its name alone, in one program, and in shadow of another', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => namedBackend(t, name)))
  const endpoints = JSON.stringify(backends.map(({ address }) => address))
  const clusters = NAMES.map((name, at) => {
    const shadow = NAMES[(at + 1) % NAMES.length]!
    const key = [name, shadow].includes('ip-hash') ? 'client-ip' : 'path'
    const hashKey = [name, shadow].some((of) => HASHING.includes(of)) ? `, hashKey: ${key}` : ''
    return `  ${name}: { policy: ${name}, shadow: ${shadow}, endpoints: ${endpoints}${hashKey} }`
  })
  const weir = await startWeir(
    t,
    `
shards: 1
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [${NAMES.map((name) => `{ path: /${name}, cluster: ${name} }`).join(', ')}]
clusters:
${clusters.join('\n')}
drain: { window: 50ms, hard: 2s }
`,
  )
  for (const name of NAMES) {
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(`${weir.url('web')}/${name}`)))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200], name)
    const picked = new Set(answers.map(({ body }) => body)).size
    if (HASHING.includes(name) || name === 'ip-hash')
      assert.equal(picked, 1, `${name}: one key, one endpoint`)
  }
  assert.deepEqual(
    weir.lines.filter((line) => /fail|warn|bug|contained|default policy/i.test(line)),
    [],
  )
})
