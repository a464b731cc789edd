import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listeners } from '../../native/index.ts'
import { ask, namedBackend } from '../support/backend.ts'
import { settingText } from '../support/proxied.ts'
import { notifySocket } from '../support/service-manager.ts'
import { configFile, dataPlanePid, followed, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'

const main = fileURLToPath(new URL('../../workers/main.ts', import.meta.url))

/** Started as systemd starts a service: with these listening sockets from descriptor 3 on, and this environment. */
async function startService(
  t: TestContext,
  text: string,
  fds: readonly number[],
  environment: Readonly<Record<string, string>>,
): Promise<Weir> {
  const configPath = await configFile(t, text)
  // The pid is known to the shell that becomes it
  const script = `export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$0" "$@"`
  const child = spawn('/bin/sh', ['-c', script, process.execPath, main, 'run', '-c', configPath], {
    stdio: ['ignore', 'ignore', 'pipe', ...fds],
    env: { ...process.env, LISTEN_FDS: String(fds.length), ...environment },
  })
  const weir = followed(t, child, configPath)
  await weir.line(/^weir: ready/)
  return weir
}

test('socket activation: sockets are matched to what is configured by address, over reloads, crashes and replacements; the rest is said and left alone', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const folder = mkdtempSync(join(tmpdir(), 'weir-systemd-'))
  const lent = [
    listeners.open('127.0.0.1:0', 1, 128),
    listeners.open(`unix:${folder}/web`, 1, 128),
    listeners.open('127.0.0.1:0', 1, 128),
  ]
  t.after(() => {
    for (const group of lent) listeners.close(group)
    rmSync(folder, { recursive: true, force: true })
  })
  const [web, unix, other] = lent.map(({ address }) => address)
  const socketPath = `${folder}/web`
  const text = settingText({ endpoints: [backend.address], shards: 2 }).replace(
    'bind: 127.0.0.1:0, ',
    `bind: ["${web}", "${unix}"], `,
  )
  // Whoever comes before the program is up waits
  const early = ask(`http://${web}/`)
  const weir = await startService(
    t,
    text,
    lent.flatMap(({ fds }) => fds),
    {},
  )
  assert.equal((await early).body, 'ok')
  assert.ok(
    weir.lines.some((line) => line.includes(`we were given a socket on ${other}`)),
    weir.lines.join('\n'),
  )
  const served = async (): Promise<void> => {
    for (let n = 0; n < 4; n++) assert.equal((await ask(`http://${web}/`)).body, 'ok')
    assert.equal((await ask('http://a/', { socketPath })).body, 'ok')
  }
  await served()
  assert.match(await weir.reload(text.replace(`["${web}", `, `["${other}", `)), /^weir: reloaded/)
  assert.equal((await ask(`http://${other}/`)).body, 'ok')
  const waiting = ask(`http://${web}/`) // nobody listens to it, and nobody refuses
  assert.match(await weir.reload(text), /^weir: reloaded/)
  assert.equal((await waiting).body, 'ok')
  let from = weir.lines.length
  process.kill(dataPlanePid(weir), 'SIGKILL')
  await weir.line(/^weir: ready/, from)
  await served()
  from = weir.lines.length
  weir.process.kill('SIGUSR2')
  await weir.line(/the new program serves/, from)
  await served()
  assert.equal(await weir.stop(), 0)
  assert.ok(existsSync(socketPath), 'it is not ours to remove')
})

test('sd_notify: ready with the main pid, reloading with the time, ready again, the same of a replacement, stopping; each after the fact', async (t) => {
  const backend = await namedBackend(t, 'ok')
  const manager = await notifySocket(t)
  const text = settingText({ endpoints: [backend.address], shards: 1 })
  const weir = await startService(t, text, [], { NOTIFY_SOCKET: manager.path })
  const ready = await manager.hears('READY=1')
  assert.ok(ready.includes(`MAINPID=${weir.process.pid}`), ready)
  assert.match(ready, /STATUS=Ready: web 127\.0\.0\.1:\d+/)
  for (const [change, over] of [
    [() => weir.reload(text), /^weir: reloaded/],
    [() => weir.reload('listeners: {\n'), /^weir: reload refused/],
    [() => weir.write(text).then(() => weir.process.kill('SIGUSR2')), /the new program serves/],
  ] as const) {
    const from = manager.said.length
    const lines = weir.lines.length
    const beforeUs = process.hrtime.bigint() / 1000n
    await change()
    const reloading = await manager.hears('RELOADING=1', from)
    const atUs = BigInt(/MONOTONIC_USEC=(\d+)/.exec(reloading)?.[1] ?? 0)
    assert.ok(atUs >= beforeUs && atUs <= process.hrtime.bigint() / 1000n)
    await weir.line(over, lines)
    await manager.hears('READY=1', manager.said.indexOf(reloading, from))
  }
  const from = manager.said.length
  process.kill(dataPlanePid(weir), 'SIGKILL')
  await manager.hears(/^STATUS=The data plane has ended/, from)
  await manager.hears('READY=1', from)
  weir.process.kill('SIGTERM')
  await manager.hears('STOPPING=1')
  await once(weir.process, 'exit')
})

test('the watchdog is fed at half its time while the data plane lives, and not while it hangs', async (t) => {
  const manager = await notifySocket(t)
  const text = settingText({ endpoints: ['127.0.0.1:9'], shards: 1 })
  const weir = await startService(t, text, [], { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: '400000' })
  const signs = (): number => manager.said.filter((one) => one === 'WATCHDOG=1').length
  await until(() => signs() >= 3, 'it is fed')
  const pid = dataPlanePid(weir)
  process.kill(pid, 'SIGSTOP')
  t.after(() => existsSync(`/proc/${pid}`) && process.kill(pid, 'SIGCONT'))
  await new Promise((resolve) => setTimeout(resolve, 500)) // what was on its way
  const before = signs()
  await new Promise((resolve) => setTimeout(resolve, 1200))
  assert.equal(signs(), before)
  process.kill(pid, 'SIGCONT')
  await until(() => signs() > before, 'it is fed again')
})
