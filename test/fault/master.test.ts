import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { startCallers } from '../support/load.ts'
import { scrape } from '../support/observe.ts'
import { settingText, startProxy } from '../support/proxied.ts'
import { childrenOf, configFile, dataPlanePid, launch, startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { dial, rawBackend } from '../support/wire.ts'

const gone = (pid: number): boolean => !existsSync(`/proc/${pid}/exe`) && !existsSync(`/proc/${pid}/fd/0`)

/** End the data plane by a signal, without a core file, and wait until another one is ready. */
async function strike(weir: Weir, signal: NodeJS.Signals): Promise<void> {
  const pid = dataPlanePid(weir)
  await promisify(execFile)('prlimit', [`--pid=${pid}`, '--core=0:0'])
  const from = weir.lines.length
  process.kill(pid, signal)
  await weir.line(new RegExp(`the data plane has ended \\(${signal}\\)`), from)
  await weir.line(/^weir: ready/, from)
}

for (const signal of ['SIGKILL', 'SIGSEGV'] as const) {
  test(`the data plane is ended (${signal}) under a stream of new connections: none is refused, and service is back soon`, async (t) => {
    const backend = await namedBackend(t, 'ok')
    const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
    const { web = '', admin = '' } = Object.fromEntries(weir.addresses())
    const callers = startCallers(t, weir.url('web'), 8)
    await until(() => callers.answered() > 100, 'they are served')
    const sinceMs = performance.now()
    await strike(weir, signal)
    const backMs = performance.now() - sinceMs
    const answered = callers.answered()
    await until(() => callers.answered() > answered + 100, 'they are served again')
    await callers.stop()
    assert.deepEqual(
      [...weir.addresses()],
      [
        ['web', web],
        ['admin', admin],
      ],
    )
    assert.equal(callers.errors.get('ECONNREFUSED'), undefined, [...callers.errors].join(' '))
    // What the dead one had accepted it took with it; the others waited.
    const broken = [...callers.errors.values()].reduce((sum, n) => sum + n, 0)
    assert.ok(broken <= 8, [...callers.errors].join(' '))
    assert.ok(callers.longestMs() < 10_000)
    t.diagnostic(
      `ready after ${Math.round(backMs)} ms, longest wait ${Math.round(callers.longestMs())} ms, ${broken} broken off`,
    )
    assert.equal(await weir.stop(), 0)
  })
}

test('what was in force goes on after a crash: the configuration although the file is broken by now, the operators’ word, the secrets', async (t) => {
  const backends = await Promise.all(['one', 'two'].map((name) => namedBackend(t, name)))
  const endpoints = backends.map(({ address }) => address)
  const text = settingText({ endpoints, shards: 1, cluster: 'sticky: { cookie: side }' })
  const weir = await startProxy(t, { endpoints, shards: 1, cluster: 'sticky: { cookie: side }' })
  const first = await ask(weir.url('web'))
  const [cookie = ''] = first.headers['set-cookie'] ?? []
  const served = first.body === 'one' ? 0 : 1
  const patched = endpoints[1 - served] ?? ''
  const path = `${weir.adminUrl()}/api/v1/clusters/web/endpoints/${patched}`
  const headers = { 'content-type': 'application/json' }
  assert.equal((await ask(path, { method: 'PATCH', body: '{"weight": 7}', headers })).status, 200)
  await weir.write('listeners: {\n')
  await strike(weir, 'SIGKILL')
  assert.ok(weir.lines.some((line) => line.includes('is another one by now')))
  const metrics = await scrape(weir)
  assert.equal(metrics.value('weir_endpoint_weight', { endpoint: patched }), 7)
  for (let n = 0; n < 4; n++) {
    const { body } = await ask(weir.url('web'), { headers: { cookie: cookie.split(';')[0] ?? '' } })
    assert.equal(body, first.body, 'the cookie is still known')
  }
  assert.match(await weir.reload('listeners: {\n'), /refused/)
  assert.match(await weir.reload(text), /^weir: reloaded/)
})

test('a data plane that dies again and again comes back ever more slowly, and nobody is refused meanwhile', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 1 })
  for (let death = 0; death < 4; death++) {
    const from = weir.lines.length
    await until(() => childrenOf(weir.process.pid ?? 0).length === 1, 'there is one')
    process.kill(dataPlanePid(weir), 'SIGKILL')
    await weir.line(/the data plane has ended/, from)
  }
  const answer = ask(weir.url('web'))
  assert.equal((await answer).body, 'ok')
  const pauses = weir.lines
    .flatMap((line) => /another one starts in (\d+) ms/.exec(line)?.[1] ?? [])
    .map(Number)
  assert.equal(pauses.length, 3, 'the first time at once')
  pauses.forEach((ms, n) => assert.ok(ms <= 200 * 2 ** n, pauses.join()))
  assert.equal(await weir.stop(), 0)
})

test('actors that die once too often (supervision.maxRestarts) end the data plane with 70, and the master starts another one', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const text = settingText({
    endpoints: [backend.address],
    shards: 1,
    more: 'supervision: { maxRestarts: 1, within: 1h, backoff: { first: 1ms, max: 1ms } }',
  })
  const weir = await startWeir(t, text.replace('admin: {', 'admin: { faults: on,'))
  const fail = (): Promise<unknown> =>
    ask(`${weir.adminUrl()}/api/v1/shards/0/fault`, {
      method: 'POST',
      body: '{"kind": "throw"}',
      headers: { 'content-type': 'application/json' },
    }).catch(() => undefined)
  const restarts = async (): Promise<number> =>
    (await scrape(weir)).value('weir_actor_restarts_total', { actor: 'shard 0' })
  await fail()
  await until(
    async () => (await restarts()) === 1 && (await scrape(weir)).value('weir_ready') === 1,
    'it restarted',
  )
  await until(() => ask(weir.url('web')).then(({ status }) => status === 200), 'it serves')
  const from = weir.lines.length
  await fail()
  await weir.line(/shard 0 died once too often/, from)
  await weir.line(/the data plane has ended \(exit code 70\)/, from)
  await weir.line(/^weir: ready/, from)
  assert.equal((await ask(weir.url('web'))).body, 'ok')
})

test('the master is killed: the data plane drains, finishes what is under way, and ends; whoever is started meanwhile finds all addresses free', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const backend = await startBackend(
    t,
    (_incoming, response) => void goOn.promise.then(() => response.end('late')),
  )
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
  const pid = dataPlanePid(weir)
  t.after(() => gone(pid) || process.kill(pid, 'SIGKILL'))
  const answer = ask(weir.url('web'))
  await until(() => backend.requests() === 1, 'it is under way')
  weir.process.kill('SIGKILL')
  await weir.line(/the master is gone: draining/)
  await until(() => refuses(weir.addresses().get('web') ?? ''), 'nobody new gets in')
  await until(
    () => refuses(weir.addresses().get('admin') ?? ''),
    'the admin listener is free while it drains',
  )
  assert.ok(!gone(pid), 'it still drains')
  goOn.resolve()
  assert.equal((await answer).body, 'late')
  await until(() => gone(pid), 'it ends')
})

test('a signal to the whole group, as of Ctrl-C, drains once: what is under way is finished, exit 0', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const backend = await rawBackend(t, async (wire) => {
    await wire.request()
    await goOn.promise
    wire.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate')
  })
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 1 })
  const wire = await dial(t, weir.addresses().get('web') ?? '')
  wire.send('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
  await until(() => backend.wires.length === 1, 'it is under way')
  const exit = once(weir.process, 'exit')
  for (let n = 0; n < 3; n++) process.kill(dataPlanePid(weir), n === 0 ? 'SIGTERM' : 'SIGINT')
  weir.process.kill('SIGINT')
  await weir.line(/SIGINT: draining/)
  goOn.resolve()
  assert.equal((await wire.response()).body.toString(), 'late')
  assert.deepEqual(await exit, [0, null])
  assert.equal(weir.lines.filter((line) => line.includes('draining')).length, 1)
})

test('a data plane that dies before it was ever ready fails the start: exit 1, and it is said', async (t) => {
  const path = await configFile(t, settingText({ endpoints: ['127.0.0.1:9'] }))
  const weir = launch(t, ['run', '-c', path], path)
  const exit = once(weir.process, 'exit')
  await until(() => childrenOf(weir.process.pid ?? 0).length === 1, 'it is being started')
  process.kill(dataPlanePid(weir), 'SIGKILL')
  assert.deepEqual(await exit, [1, null])
  assert.match(weir.lines.join('\n'), /the start failed: the data plane has ended \(SIGKILL\)/)
})

test('an idle master costs nothing: no CPU, little memory', async (t) => {
  const weir = await startProxy(t, { endpoints: ['127.0.0.1:9'], shards: 1 })
  const pid = weir.process.pid ?? 0
  const ticks = (): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ')
    return Number(fields[11]) + Number(fields[12])
  }
  await until(() => settles(ticks), 'its start is over')
  const before = ticks()
  await new Promise((resolve) => setTimeout(resolve, 500))
  assert.ok(ticks() - before <= 1, `${ticks() - before} ticks in half a second`)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  t.diagnostic(`resident ${kib('VmRSS')} KiB, of that its own ${kib('RssAnon')} KiB`)
  assert.ok(kib('RssAnon') < 48 * 1024)
})

async function settles(ticks: () => number): Promise<boolean> {
  const before = ticks()
  await new Promise((resolve) => setTimeout(resolve, 100))
  return ticks() === before
}

async function refuses(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':')
  const socket = connect(Number(port), host)
  try {
    await once(socket, 'connect')
    return false
  } catch {
    return true
  } finally {
    socket.destroy()
  }
}
