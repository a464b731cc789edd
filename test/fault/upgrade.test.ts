import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, namedBackend, startBackend } from '../support/backend.ts'
import { startCallers, startLoad } from '../support/load.ts'
import { scrape } from '../support/observe.ts'
import { settingText, startProxy } from '../support/proxied.ts'
import { childrenOf, configFile, dataPlanePid, launchEntry, startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import { rawBackend } from '../support/wire.ts'
import type { Scope } from '../support/wire.ts'

const planes = (weir: Weir): readonly number[] => childrenOf(weir.process.pid ?? 0)

/** SIGUSR2, and wait until the new one serves. */
async function upgrade(weir: Weir): Promise<void> {
  const from = weir.lines.length
  weir.process.kill('SIGUSR2')
  const line = await weir.line(/^weir: SIGUSR2( FAILED|: the new program serves)/, from)
  assert.match(line, /the new program serves/)
}

test('SIGUSR2 under load: no request fails on kept or new connections, the admin API answers all the while, totals go on and nothing is counted twice', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
  const before = new Map(weir.addresses())
  const old = dataPlanePid(weir)
  const kept = startLoad(t, () => weir.url('web'), 8)
  const callers = startCallers(t, weir.url('web'), 4)
  const scrapers = startCallers(t, `${weir.adminUrl()}/readyz`, 1)
  await until(() => kept.done() > 200, 'load')
  for (let round = 0; round < 2; round++) {
    await upgrade(weir)
    const done = kept.done()
    await until(() => kept.done() > done + 200, 'load goes on')
  }
  await until(() => planes(weir).length === 1, 'the old ones have ended')
  assert.notEqual(dataPlanePid(weir), old)
  await Promise.all([kept.stop(), callers.stop(), scrapers.stop()])
  // A kept connection may be closed while the next request is on its way: clients send it again (RFC 9112 §9.3.1). It must not have been heard: see the counts.
  assert.deepEqual(
    kept.failures.filter((failure) => failure !== 'UND_ERR_SOCKET'),
    [],
  )
  assert.deepEqual([...callers.errors, ...scrapers.errors], [])
  assert.deepEqual(new Map(weir.addresses()), before, 'ports that the kernel chose stay')
  const sent = kept.done() + callers.answered()
  const counted = async (): Promise<number> =>
    (await scrape(weir)).value('weir_listener_responses_total', { listener: 'web', code: '2xx' })
  await until(async () => (await counted()) >= sent, 'all is counted')
  assert.equal(await counted(), sent)
  assert.equal(backend.requests(), sent)
  t.diagnostic(`longest wait of a new connection ${Math.round(callers.longestMs())} ms`)
  assert.equal(await weir.stop(), 0)
})

test('what was under way is finished by the old program, and the new one serves from a unix socket whose file nobody removes', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const backend = await startBackend(t, (incoming, response) => {
    if (incoming.url === '/slow') void goOn.promise.then(() => response.end('late'))
    else response.end('ok')
  })
  const folder = await mkdtemp(join(tmpdir(), 'weir-upgrade-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const socketPath = join(folder, 'web')
  const bind = `["127.0.0.1:0", "unix:${socketPath}"]`
  const text = settingText({ endpoints: [backend.address], shards: 2 }).replace(
    'bind: 127.0.0.1:0, ',
    `bind: ${bind}, `,
  )
  const weir = await startWeir(
    t,
    text.replace('admin: { bind: 127.0.0.1:0 }', `admin: { bind: "unix:${folder}/admin" }`),
  )
  const slow = ask('http://a/slow', { socketPath })
  await until(() => backend.requests() === 1, 'it is under way')
  await upgrade(weir)
  assert.equal((await ask('http://a/', { socketPath })).body, 'ok')
  assert.equal(planes(weir).length, 2, 'the old one drains')
  goOn.resolve()
  assert.equal((await slow).body, 'late')
  await until(() => planes(weir).length === 1, 'then it ends')
  assert.equal((await ask('http://a/', { socketPath })).body, 'ok')
  assert.equal((await ask('http://a/readyz', { socketPath: join(folder, 'admin') })).status, 200)
  assert.equal(await weir.stop(), 0)
  assert.ok(!existsSync(socketPath) && !existsSync(join(folder, 'admin')), 'a stop removes them')
})

test('what the new program closes is closed: the old one, which drains still, keeps nobody waiting', async (t) => {
  const goOn = Promise.withResolvers<void>()
  const backend = await startBackend(t, (_, response) => void goOn.promise.then(() => response.end('late')))
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 2 })
  const address = weir.url('web')
  const admin = weir.adminUrl()
  const slow = ask(address)
  await until(() => backend.requests() === 1, 'it is under way')
  const [old] = planes(weir)
  await upgrade(weir)
  const exit = once(weir.process, 'exit')
  weir.process.kill('SIGTERM')
  await until(() => planes(weir).length === 1, 'the new one has ended')
  assert.deepEqual(planes(weir), [old])
  await assert.rejects(ask(address), { code: 'ECONNREFUSED' })
  await assert.rejects(ask(admin), { code: 'ECONNREFUSED' })
  goOn.resolve()
  assert.equal((await slow).body, 'late')
  assert.deepEqual(await exit, [0, null])
})

test('the new program knows what the old one knew: who is down, what operators wished, whose cookie is whose', async (t) => {
  const backends = await Promise.all(['one', 'two'].map((name) => namedBackend(t, name)))
  const dying = await startBackend(t, (_incoming, response) => void response.end('three'))
  const endpoints = [...backends.map(({ address }) => address), dying.address]
  // So seldom that the new one cannot find it out by itself
  const health = 'health: { tcp: {}, interval: 60s, downInterval: 100ms, fall: 1 }'
  const cluster = `sticky: { cookie: side }, ${health}, outliers: { connect: { consecutive: 1 }, ejection: 60s }`
  const weir = await startProxy(t, { endpoints, shards: 1, cluster: cluster.replace(`${health}, `, '') })
  const stateOf = async (endpoint: string): Promise<string> => {
    const metrics = await scrape(weir)
    const states = ['ready', 'suspect', 'quarantined', 'draining', 'down', 'warming']
    return states.find((state) => metrics.value('weir_endpoint_state', { endpoint, state }) === 1) ?? '?'
  }
  dying.server.close()
  dying.server.closeAllConnections()
  await until(async () => {
    await ask(weir.url('web'))
    return (await stateOf(dying.address)) === 'quarantined'
  }, 'it is ejected')
  const first = await ask(weir.url('web'))
  const [cookie = ''] = first.headers['set-cookie'] ?? []
  const patched = endpoints[first.body === 'one' ? 1 : 0] ?? ''
  const path = `${weir.adminUrl()}/api/v1/clusters/web/endpoints/${patched}`
  const headers = { 'content-type': 'application/json' }
  assert.equal((await ask(path, { method: 'PATCH', body: '{"weight": 7}', headers })).status, 200)
  await upgrade(weir)
  assert.equal(await stateOf(dying.address), 'quarantined')
  assert.equal((await scrape(weir)).value('weir_endpoint_weight', { endpoint: patched }), 7)
  for (let n = 0; n < 4; n++) {
    const { body } = await ask(weir.url('web'), { headers: { cookie: cookie.split(';')[0] ?? '' } })
    assert.equal(body, first.body)
  }
})

test('a new program that cannot start changes nothing and says so: bad configuration, broken code, none at all, one that is killed; then a good one is taken', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const { weir, breakCode, launcher } = await startLaunched(
    t,
    settingText({ endpoints: [backend.address], shards: 2 }),
  )
  const old = dataPlanePid(weir)
  const load = startLoad(t, () => weir.url('web'), 4)
  const failing = async (): Promise<string> => {
    const from = weir.lines.length
    weir.process.kill('SIGUSR2')
    return weir.line(/^weir: SIGUSR2 FAILED/, from)
  }
  await weir.write('listeners: { web: { bindd: 1 } }\n')
  assert.match(await failing(), /\(exit code 1\): nothing has changed/)
  assert.ok(
    weir.lines.some((line) => /weir\.yaml:1:\d+: .*bindd/.test(line)),
    'and why',
  )
  await weir.write(settingText({ endpoints: [backend.address], shards: 1 }))
  await breakCode(true)
  assert.match(await failing(), /\(exit code 9\): nothing has changed/)
  await rm(launcher)
  assert.match(await failing(), /ENOENT\): nothing has changed/)
  await breakCode(false)
  const killed = failing()
  await until(() => planes(weir).length === 2, 'a new one is being started')
  process.kill(dataPlanePid(weir), 'SIGKILL')
  assert.match(await killed, /\(SIGKILL\): nothing has changed/)
  assert.deepEqual(planes(weir), [old])
  const admin = await ask(`${weir.adminUrl()}/api/v1/reload`, { method: 'POST' })
  assert.equal(admin.status, 200, 'it can be changed as before')
  await upgrade(weir)
  const done = load.done()
  await until(() => load.done() > done + 50, 'load goes on')
  await load.stop()
  assert.deepEqual(load.failures, [])
})

test('SIGUSR2 twice is one replacement; the old one dies meanwhile: the new one takes over', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 1 })
  const first = dataPlanePid(weir)
  weir.process.kill('SIGUSR2')
  await weir.line(/replacing the running program/)
  weir.process.kill('SIGUSR2')
  await weir.line(/is being replaced already/)
  await weir.line(/the new program serves/)
  await until(() => planes(weir).length === 1, 'the old one has ended')
  assert.equal(planes(weir).includes(first), false)

  const second = dataPlanePid(weir)
  const callers = startCallers(t, weir.url('web'), 2)
  const from = weir.lines.length
  weir.process.kill('SIGUSR2')
  await until(() => planes(weir).length === 2, 'a new one is being started')
  process.kill(second, 'SIGKILL')
  await weir.line(/the new program serves/, from)
  const answered = callers.answered()
  await until(() => callers.answered() > answered + 20, 'it serves')
  await callers.stop()
  assert.equal(callers.errors.get('ECONNREFUSED'), undefined)
})

test('SIGTERM while the program is being replaced: all of it drains and ends, exit 0', async (t) => {
  const backend = await rawBackend(t, () => {})
  const weir = await startProxy(t, { endpoints: [backend.address], shards: 1 })
  const exit = once(weir.process, 'exit')
  weir.process.kill('SIGUSR2')
  await until(() => planes(weir).length === 2, 'a new one is being started')
  const both = planes(weir)
  weir.process.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
  for (const pid of both) assert.ok(!existsSync(`/proc/${pid}/exe`), 'nobody is left')
})

/** Started through a launcher, as `npx weir` does it, that can be broken. */
async function startLaunched(
  t: Scope,
  text: string,
): Promise<{
  readonly weir: Weir
  readonly launcher: string
  readonly breakCode: (broken: boolean) => Promise<void>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-launcher-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const launcher = join(folder, 'weir')
  const main = fileURLToPath(new URL('../../workers/main.ts', import.meta.url))
  const write = async (first: string): Promise<void> => {
    await writeFile(`${launcher}.new`, `#!/bin/sh\n${first}\nexec "${process.execPath}" "${main}" "$@"\n`)
    await chmod(`${launcher}.new`, 0o755)
    await writeFile(launcher, `#!/bin/sh\nexec "${launcher}.new" "$@"\n`)
    await chmod(launcher, 0o755)
  }
  await write('')
  const path = await configFile(t, text)
  const before = process.env['WEIR_LAUNCHER']
  process.env['WEIR_LAUNCHER'] = launcher
  const weir = launchEntry(t, [main, 'run', '-c', path], path)
  if (before === undefined) delete process.env['WEIR_LAUNCHER']
  else process.env['WEIR_LAUNCHER'] = before
  await weir.line(/^weir: ready/)
  return { weir, launcher, breakCode: (broken) => write(broken ? 'exit 9' : '') }
}
