import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, namedBackend } from '../support/backend.ts'
import { configFile, startWeir, until, weir } from '../support/weir.ts'

const config = (endpoint: string, admin: string): string => `
shards: 1
admin: { bind: "${admin}" }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters:
  web: { endpoints: [${endpoint}] }
  spare: { endpoints: [] }
drain: { window: 50ms, hard: 1s }
`

test('weir status asks the running program: all clusters, one of them, the raw answer', async (t) => {
  const backend = await namedBackend(t, 'a')
  const running = await startWeir(t, config(backend.address, '127.0.0.1:0'))
  const admin = running.addresses().get('admin') ?? ''
  assert.equal((await ask(running.url('web'))).status, 200)
  await until(
    async () => / 1 {7}0 /.test((await weir('status', '--admin', admin)).stdout),
    'the answer is counted',
  )
  const all = await weir('status', '--admin', `http://${admin}/`)
  assert.deepEqual([all.code, all.stderr], [0, ''])
  assert.match(all.stdout, /^shards {2}1 of 1 in service {2}/)
  assert.match(all.stdout, /^web {2}\S+ {2}1 of 1 healthy/m)
  assert.match(all.stdout, new RegExp(`^  ${backend.address} +ready +1 +0 `, 'm'))
  assert.match(all.stdout, /^spare .* 0 of 0 healthy/m)
  const one = await weir('status', 'spare', '--admin', admin)
  assert.doesNotMatch(one.stdout, /^web/m)
  const raw = await weir('status', 'web', '--json', '--admin', admin)
  const { name, endpoints } = JSON.parse(raw.stdout) as { name: string; endpoints: { address: string }[] }
  assert.deepEqual([name, endpoints[0]?.address], ['web', backend.address])
  const missing = await weir('status', 'nope', '--admin', admin)
  assert.deepEqual([missing.code, missing.stdout], [1, ''])
  assert.match(missing.stderr, /^weir: No such cluster/)
})

test('the configuration says where to ask, a unix socket too; what it does not say is asked for', async (t) => {
  const path = join(tmpdir(), `weir-status-${process.pid}.sock`)
  const running = await startWeir(t, config('127.0.0.1:9', `unix:${path}`))
  const asked = await weir('status', '-c', running.configPath)
  assert.deepEqual([asked.code, asked.stderr], [0, ''])
  assert.match(asked.stdout, /127\.0\.0\.1:9 /)
  const unknown = await weir('explain', 'none', '-c', running.configPath)
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /No decision of request none is kept: .*explain\.sample/)
  const wild = await configFile(t, config('127.0.0.1:9', '127.0.0.1:0'))
  assert.match((await weir('status', '-c', wild)).stderr, /leaves the port to the system: .*--admin/)
  const none = await configFile(t, config('127.0.0.1:9', 'x').replace(/^admin.*$/m, ''))
  assert.match((await weir('status', '-c', none)).stderr, /has no admin listener/)
  assert.match((await weir('status', '-c', `${none}.not`)).stderr, /no such file/)
  for (const bad of ['nowhere', '127.0.0.1:99999', 'http://127.0.0.1:1/x'])
    assert.match((await weir('status', '--admin', bad)).stderr, /is no ip:port/, bad)
})

test('nobody there, or somebody else: said, exit 1', async (t) => {
  const answers = ['hello', '{"clusters":3}', '[]', 'null']
  let next = 0
  const other = createServer((_request, response) => void response.end(answers[next]))
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const address = `127.0.0.1:${(other.address() as AddressInfo).port}`
  for (; next < answers.length; next++) {
    const strange = await weir('status', '--admin', address)
    assert.deepEqual([strange.code, strange.stdout], [1, ''])
    assert.match(strange.stderr, /is not the admin API of weir/)
  }
  other.closeAllConnections()
  other.close()
  await once(other, 'close')
  const nobody = await weir('status', '--admin', address)
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, /nobody answers on 127\.0\.0\.1:\d+: the connection is refused/)
  assert.match((await weir('status', '--admin', 'unix:/none.sock')).stderr, /there is no such socket/)
})
