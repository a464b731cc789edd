import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configFile, startWeir, weir } from '../support/weir.ts'

/** More clients than any limit of descriptors allows. */
const TEXT = `listeners: { web: { bind: 127.0.0.1:0, limits: { connections: 1048576 } } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [127.0.0.1:9] } }
drain: { window: 50ms, hard: 5s }
`
const WARNING = /^weir: warning: listeners\.web\.limits\.connections is 1048576, .*LimitNOFILE=1048576/m

test('weir check says what the machine is short of, with the command that raises it, and succeeds', async (t) => {
  const { code, stdout, stderr } = await weir('check', '-c', await configFile(t, TEXT))
  assert.equal(code, 0)
  assert.match(stdout, /: ok /)
  assert.match(stderr, WARNING)
})

test('and beside what it warns of in the configuration, which fails it', async (t) => {
  const text = TEXT.replace('127.0.0.1:9]', '127.0.0.1:9], timeouts: { total: 1s, queue: 2s }')
  const { code, stdout, stderr } = await weir('check', '-c', await configFile(t, text))
  assert.equal(code, 1)
  assert.match(stdout, /: warning: clusters\.web\.timeouts\.queue: /)
  assert.match(stderr, WARNING)
})

test('weir run says it at the start, and starts', async (t) => {
  const running = await startWeir(t, TEXT)
  assert.match(running.lines.join('\n'), WARNING)
})
