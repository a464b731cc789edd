import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createReadStream, readFileSync, renameSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ask, namedBackend } from '../support/backend.ts'
import type { Backend } from '../support/backend.ts'
import { startWeir, until } from '../support/weir.ts'

const config = (backend: Backend, accessLog: string, shards = 2): string => `
shards: ${shards}
admin: { bind: 127.0.0.1:0 }
accessLog: ${accessLog}
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${backend.address}] } }
drain: { window: 50ms, hard: 1s }
`

async function logPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-access-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'access.log')
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  } catch {
    return []
  }
}

test('one line a request, there within moments; a reload after a rotation goes on in a new file; stop flushes', async (t) => {
  const path = await logPath(t)
  const backend = await namedBackend(t, 'x')
  const text = config(backend, path)
  const weir = await startWeir(t, text)
  for (let n = 0; n < 5; n++) await ask(`${weir.url('web')}/path-${n}`)
  await until(() => linesOf(path).length === 5, 'five lines are there')
  const targets = linesOf(path).map((line) => /"GET (\S+) HTTP/.exec(line)?.[1])
  assert.deepEqual(new Set(targets), new Set([0, 1, 2, 3, 4].map((n) => `/path-${n}`)))
  renameSync(path, `${path}.1`)
  await weir.reload(text)
  await ask(`${weir.url('web')}/rotated`)
  await until(() => linesOf(path).length === 1, 'the new file has the line')
  assert.equal(linesOf(`${path}.1`).length, 5)
  await ask(`${weir.url('web')}/last`)
  assert.equal(await weir.stop(), 0)
  assert.match(linesOf(path).at(-1) ?? '', /"GET \/last /)
})

test('a reload turns the log on, to JSON, and off', async (t) => {
  const path = await logPath(t)
  const backend = await namedBackend(t, 'x')
  const weir = await startWeir(t, config(backend, 'off'))
  await ask(`${weir.url('web')}/unseen`)
  await weir.reload(config(backend, `{ path: ${path}, format: json }`))
  await ask(`${weir.url('web')}/seen`)
  await until(() => linesOf(path).length === 1, 'the line is there')
  const entry = JSON.parse(linesOf(path)[0] ?? '') as Record<string, unknown>
  assert.ok(Object.values(entry).includes('/seen'), JSON.stringify(entry))
  await weir.reload(config(backend, 'off'))
  await ask(`${weir.url('web')}/unseen`)
  await weir.stop()
  assert.equal(linesOf(path).length, 1)
})

test('a full disk: said once, requests go on, and lines that never left when the program ends are counted', async (t) => {
  const backend = await namedBackend(t, 'served')
  const weir = await startWeir(t, config(backend, '/dev/full'))
  for (let n = 0; n < 6; n++) assert.equal((await ask(weir.url('web'))).body, 'served')
  await weir.line(/access log \/dev\/full: cannot be written \(ENOSPC/)
  assert.equal((await ask(weir.url('web'))).body, 'served')
  assert.equal(weir.lines.filter((line) => line.includes('cannot be written')).length, 1)
  assert.equal(await weir.stop(), 0)
  await weir.line(/access log \/dev\/full: 7 lines were not written/)
})

test('a log nobody reads blocks no request; what does not fit is dropped and counted, what is read is whole', async (t) => {
  const path = await logPath(t)
  execFileSync('mkfifo', [path])
  const backend = await namedBackend(t, 'served')
  const weir = await startWeir(t, config(backend, path, 1)) // one ring to be filled
  const longest = 'y'.repeat(2000)
  let sent = 0
  const dropped = async (): Promise<number> => {
    const metrics = (await ask(`${weir.adminUrl()}/metrics`)).body
    return [...metrics.matchAll(/^weir_access_log_dropped_total\S* (\d+)$/gm)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    )
  }
  while ((await dropped()) === 0) {
    const batch = Array.from({ length: 100 }, () =>
      ask(`${weir.url('web')}/${longest}`, { headers: { referer: longest, 'user-agent': longest } }),
    )
    for (const { body } of await Promise.all(batch)) assert.equal(body, 'served')
    sent += batch.length
    assert.ok(sent < 20_000, 'something is dropped at last')
  }
  const received: Buffer[] = []
  createReadStream(path).on('data', (bytes) => received.push(Buffer.from(bytes)))
  const lines = (): number => Buffer.concat(received).toString().split('\n').length - 1
  await until(async () => lines() === sent - (await dropped()), 'all that was not dropped is written')
  for (const line of Buffer.concat(received).toString().split('\n').slice(0, -1))
    assert.match(line, /^127\.0\.0\.1 .*id=[0-9a-f]{32}$/)
})

test('a path that cannot be written is said before the first request; requests go on, and a reload recovers', async (t) => {
  const path = await logPath(t)
  const backend = await namedBackend(t, 'served')
  for (const [broken, code] of [
    [dirname(path), 'EISDIR'],
    [`${path}.d/access.log`, 'ENOENT'],
  ] as const) {
    const weir = await startWeir(t, config(backend, broken))
    await weir.line(new RegExp(`access log ${broken}: cannot be written \\(${code}`))
    assert.equal((await ask(`${weir.url('web')}/early`)).body, 'served')
    assert.match(await weir.reload(config(backend, path)), /^weir: reloaded/)
    await ask(`${weir.url('web')}/${code}`)
    await until(() => linesOf(path).some((line) => line.includes(`GET /${code} `)), 'the line is there')
    const from = weir.lines.length
    assert.match(await weir.reload(config(backend, dirname(path))), /^weir: reloaded/)
    await weir.line(/cannot be written \(EISDIR/, from)
    assert.match(await weir.reload(config(backend, path)), /^weir: reloaded/)
    assert.equal(await weir.stop(), 0)
  }
})
