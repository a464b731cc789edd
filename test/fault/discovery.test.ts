import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Resolver } from '../../src/io/dns.ts'
import { ask, namedBackend } from '../support/backend.ts'
import { startProgram } from '../support/program.ts'
import type { TestProgram } from '../support/program.ts'
import { until } from '../support/weir.ts'
import { to, zone } from '../support/zone.ts'

const config = (endpoint: string): string => `
shards: 1
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: ["${endpoint}"] } }
drain: { window: 50ms, hard: 1s }
supervision: { backoff: { first: 20ms, max: 40ms } }
`

const restartsOf = async (program: TestProgram): Promise<number> => {
  const { body } = await ask(`${program.adminUrl()}/metrics`)
  return Number(/^weir_actor_restarts_total\{actor="discovery"\} (\d+)$/m.exec(body)?.[1])
}

test('discovery dies again and again under traffic: no request fails, and its successors follow names as before', async (t) => {
  const [one, two] = [await namedBackend(t, 'one'), await namedBackend(t, 'two')]
  const [, onePort = ''] = one.address.split(':')
  const names = zone({ 'app.test': to('127.0.0.1') })
  const program = await startProgram(t, config(`app.test:${onePort}`), names)
  const seen = new Set<string>()
  let over = false
  const traffic = (async () => {
    while (!over) {
      const { status, body } = await ask(program.url('web'))
      seen.add(`${status} ${body}`)
    }
  })()
  for (let round = 1; round <= 6; round++) {
    await until(async () => {
      program.kill({ actor: 'discovery', how: round % 2 === 0 ? 'exit' : 'throw' }) // a newborn does not hear it yet
      return (await restartsOf(program)) >= round
    }, 'the restart is counted')
  }
  over = true
  await traffic
  assert.deepEqual([...seen], ['200 one'])
  // A name that is new is asked for by the successor; one that moves is followed.
  const [, twoPort = ''] = two.address.split(':')
  names.answers.set('new.test', to('127.0.0.1'))
  program.write(config(`new.test:${twoPort}`))
  const reloaded = await program.program.reload()
  assert.deepEqual(reloaded.ok && reloaded.warnings, [])
  assert.equal((await ask(program.url('web'))).body, 'two')
  names.answers.set('new.test', to('127.0.0.3'))
  await until(
    async () => /"address": "127\.0\.0\.3:/.test((await ask(`${program.adminUrl()}/api/v1/clusters`)).body),
    'the new address is used',
  )
})

test('discovery dies with its questions unanswered, as names change and as a reload waits for a name: the successor asks again, the reload gets its answer', async (t) => {
  const backend = await namedBackend(t, 'late')
  const [address = '', port] = backend.address.split(':')
  let mute = true
  const asked: string[] = []
  const resolver: Resolver = {
    resolve(host) {
      asked.push(host)
      return mute && host === 'late.test' ? new Promise(() => {}) : Promise.resolve(to(address))
    },
  }
  const program = await startProgram(t, config(`app.test:${port}`), resolver)
  program.write(config(`late.test:${port}`))
  const reload = program.program.reload()
  await until(() => asked.includes('late.test'), 'it is asked')
  mute = false
  program.kill({ actor: 'discovery', how: 'exit' })
  const result = await reload
  assert.deepEqual(result.ok && result.warnings, [], 'nobody had to wait in vain')
  assert.equal((await ask(program.url('web'))).body, 'late')
  assert.ok(program.lines.some((line) => line.includes('discovery ended unexpectedly')))
})

test('discovery that dies while the program starts: the start goes on, a successor asks', async (t) => {
  const backend = await namedBackend(t, 'started')
  const [address = '', port] = backend.address.split(':')
  const born = Promise.withResolvers<TestProgram['kill']>()
  let questions = 0
  const resolver: Resolver = {
    async resolve() {
      if (questions++ > 0) return to(address)
      ;(await born.promise)({ actor: 'discovery', how: 'exit' })
      return new Promise(() => {})
    },
  }
  const program = await startProgram(t, config(`app.test:${port}`), resolver, (kill) => born.resolve(kill))
  await until(async () => (await ask(program.url('web'))).body === 'started', 'it has its endpoint')
  assert.equal(await restartsOf(program), 0, 'what dies before there is a tree is no restart of the tree')
})
