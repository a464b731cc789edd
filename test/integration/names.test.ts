import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, namedBackend } from '../support/backend.ts'
import { startProgram } from '../support/program.ts'
import { startWeir, until } from '../support/weir.ts'
import { to, zone } from '../support/zone.ts'

const config = (endpoints: string): string => `
shards: 1
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${endpoints}] } }
drain: { window: 50ms, hard: 1s }
`

test('localhost is resolved; a name that does not resolve is a warning and no endpoint, not a failure', async (t) => {
  const backend = await namedBackend(t, 'by name')
  const port = backend.address.split(':')[1]
  const weir = await startWeir(t, config(`"localhost:${port}", "no-such-host.invalid:80"`))
  assert.ok(
    weir.lines.some((line) => /^weir: warning: no-such-host\.invalid does not resolve \(\w+\)/.test(line)),
  )
  for (let n = 0; n < 4; n++) assert.equal((await ask(weir.url('web'))).body, 'by name')
  const clusters = (await ask(`${weir.adminUrl()}/api/v1/clusters`)).body
  assert.match(
    clusters,
    new RegExp(`"address": "127.0.0.1:${port}",\\s+"configured": "localhost:${port}",\\s+"source": "dns"`),
  )
})

test('a name whose address changes is followed, its last good answer kept when it is not answered any more', async (t) => {
  const port = (await namedBackend(t, 'one')).address.split(':')[1]
  const two = await import('node:http').then(async ({ createServer }) => {
    const server = createServer((_incoming, response) => void response.end('two'))
    await new Promise<void>((resolve) => void server.listen(Number(port), '127.0.0.2', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return '127.0.0.2'
  })
  const resolver = zone({ 'app.test': to('127.0.0.1') })
  const { url, said, program } = await startProgram(t, config(`"app.test:${port}"`), resolver)
  assert.equal((await ask(url('web'))).body, 'one')
  resolver.answers.set('app.test', to(two))
  await until(async () => (await ask(url('web'))).body === 'two', 'the new address is used')
  resolver.answers.delete('app.test')
  await said(/app\.test does not resolve any more \(ENOTFOUND\): its last 1 addresses stay/)
  assert.equal((await ask(url('web'))).body, 'two')
  assert.equal((await program.reload()).ok, true)
  assert.equal((await ask(url('web'))).body, 'two')
})

test('a reload says once of a name that it does not resolve, and a reload that leaves it as it is says it once more', async (t) => {
  const resolver = zone({ 'app.test': to('127.0.0.1') })
  const { lines, program, write } = await startProgram(t, config('"app.test:80"'), resolver)
  const told = (): number => lines.filter((line) => line.includes('gone.test does not resolve')).length
  write(config('"app.test:80", "gone.test:80"'))
  for (const times of [1, 2]) {
    assert.equal((await program.reload()).ok, true)
    assert.equal(told(), times)
  }
})

test('a name that is answered only later gets its endpoints then', async (t) => {
  const backend = await namedBackend(t, 'late')
  const [address, port] = backend.address.split(':')
  const resolver = zone({})
  const { url } = await startProgram(t, config(`"late.test:${port}"`), resolver)
  assert.equal((await ask(url('web'))).status, 503)
  resolver.answers.set('late.test', to(address ?? ''))
  await until(async () => (await ask(url('web'))).body === 'late', 'it has endpoints')
})
