import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { configFile, launch, startWeir, weir } from '../support/weir.ts'

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

test('a start that file descriptors do not suffice for ends with one line, that says how many would do; and they do', async (t) => {
  const text = `shards: 2\nadmin: { bind: 127.0.0.1:0 }\n${TEXT}`
  const path = await configFile(t, text)
  let least = 0
  for (const limit of [40, 70]) {
    const short = launch(t, ['run', '-c', path], path, limit)
    const [code] = (await once(short.process, 'close')) as [number]
    assert.equal(code, 1)
    assert.equal(short.lines.length, 1, short.lines.join('\n'))
    assert.match(short.lines[0] ?? '', new RegExp(`^weir: file descriptors: ${limit} at most, .*ulimit -Hn`))
    least = Number(/needs (\d+)/.exec(short.lines[0] ?? '')?.[1])
  }
  await startWeir(t, text, least)
})
