import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, startBackend } from '../support/backend.ts'
import type { Backend } from '../support/backend.ts'
import { configFile, launchEntry, startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'

const config = (backend: Backend, drain: string): string => `
admin: { bind: 127.0.0.1:0 }
listeners: { web: { bind: 127.0.0.1:0 } }
routes: [{ cluster: web }]
clusters: { web: { endpoints: [${backend.address}] } }
drain: ${drain}
`

test('SIGTERM: not ready any more, nobody new, what is under way is finished, exit 0', async (t) => {
  const release = Promise.withResolvers<void>()
  const backend = await startBackend(
    t,
    (_incoming, response) => void release.promise.then(() => response.end('late')),
  )
  const weir = await startWeir(t, config(backend, '{ window: 100ms, hard: 10s }'))
  assert.equal((await ask(`${weir.adminUrl()}/readyz`)).status, 200)
  const answer = ask(weir.url('web'))
  await until(() => backend.requests() === 1, 'the backend has the request')
  weir.process.kill('SIGTERM')
  await weir.line(/SIGTERM: draining/)
  await until(async () => (await ask(`${weir.adminUrl()}/readyz`)).status === 503, 'readyz says 503')
  await until(() => refused(weir.addresses().get('web') ?? ''), 'new connections are refused')
  assert.equal((await ask(`${weir.adminUrl()}/healthz`)).status, 200)
  release.resolve()
  assert.equal((await answer).body, 'late')
  await once(weir.process, 'exit')
  assert.equal(weir.process.exitCode, 0)
})

test('a second SIGTERM stops at once; a repeated SIGINT of one Ctrl-C does not', async (t) => {
  const backend = await startBackend(t, () => {})
  const weir = await startWeir(t, config(backend, '{ window: 10s, hard: 60s }'))
  const hanging = ask(weir.url('web')).catch((error: unknown) => error)
  await until(() => backend.requests() === 1, 'the backend has the request')
  weir.process.kill('SIGINT')
  weir.process.kill('SIGINT')
  await weir.line(/SIGINT: draining/)
  await until(() => refused(weir.addresses().get('web') ?? ''), 'new connections are refused')
  assert.equal(weir.process.exitCode, null)
  const exit = once(weir.process, 'exit')
  weir.process.kill('SIGTERM')
  await exit
  assert.equal(weir.process.exitCode, 128 + 15)
  assert.ok((await hanging) instanceof Error)
})

test('what outlasts the hard limit is reset, and the program ends all the same', async (t) => {
  const backend = await startBackend(t, () => {})
  const weir = await startWeir(t, config(backend, '{ window: 50ms, hard: 200ms }'))
  const hanging = ask(weir.url('web')).catch((error: unknown) => error)
  await until(() => backend.requests() === 1, 'the backend has the request')
  assert.equal(await weir.stop(), 0)
  assert.ok((await hanging) instanceof Error)
})

async function refused(address: string): Promise<boolean> {
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

test('a response that is on its way when the program stops arrives whole, however slowly it is read', async (t) => {
  const body = Buffer.alloc(2_000_000, 'x')
  const backend = await startBackend(t, (_incoming, response) => response.end(body))
  const weir = await startWeir(t, config(backend, '{ window: 50ms, hard: 10s }'))
  const [host = '', port] = (weir.addresses().get('web') ?? '').split(':')
  const socket = connect(Number(port), host)
  t.after(() => socket.destroy())
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n')
  await until(async () => {
    const { body: facts } = await ask(`${weir.adminUrl()}/api/v1/shards`)
    const { shards } = JSON.parse(facts) as { shards: { requests: number }[] }
    return shards.some(({ requests }) => requests === 1)
  }, 'the exchange is over, its response in the buffers on the way')
  weir.process.kill('SIGTERM')
  await weir.line(/SIGTERM: draining/)
  const exited = once(weir.process, 'exit')
  await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 1000))])
  let bytes = 0
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume()
  await once(socket, 'close')
  assert.ok(bytes > body.length, `${bytes} bytes`)
  await exited
  assert.equal(weir.process.exitCode, 0)
})

test('SIGUSR1 neither ends the program nor opens a debugger', async (t) => {
  const backend = await startBackend(t, (_incoming, response) => void response.end('still here'))
  const weir = await startWeir(t, config(backend, '{ window: 50ms, hard: 1s }'))
  weir.process.kill('SIGUSR1')
  await weir.line(/SIGUSR1 does nothing here/)
  assert.equal((await ask(weir.url('web'))).body, 'still here')
  assert.equal(await weir.stop(), 0)
  assert.deepEqual(
    weir.lines.filter((line) => /debugger/i.test(line)),
    [],
  )
})

test('a signal while the program is still being loaded: SIGTERM ends it with 0, SIGHUP is nothing', async (t) => {
  const backend = await startBackend(t, (_incoming, response) => void response.end('here'))
  const path = await configFile(t, config(backend, '{ window: 50ms, hard: 1s }'))
  const stopped = await signalledEarly(t, path, 'SIGTERM')
  await once(stopped.process, 'close')
  assert.deepEqual([stopped.process.exitCode, stopped.process.signalCode], [0, null])
  // Nothing was begun; it has listened to signals in time to say so, or it has not.
  for (const line of stopped.lines) assert.match(line, /SIGTERM: draining/)

  const reloaded = await signalledEarly(t, path, 'SIGHUP')
  await reloaded.line(/^weir: ready/)
  assert.equal((await ask(reloaded.url('web'))).body, 'here')
  assert.equal(await reloaded.stop(), 0)
})

/** `weir run` that is sent a signal when it begins to load the first of its own parts. */
async function signalledEarly(t: TestContext, configPath: string, signal: NodeJS.Signals): Promise<Weir> {
  const hook = join(dirname(configPath), `${signal}.mjs`)
  await writeFile(
    hook,
    `import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (url.endsWith('/src/control/cli.ts')) process.kill(process.pid, '${signal}')
    return next(url, context)
  },
})
`,
  )
  const main = fileURLToPath(new URL('../../workers/main.ts', import.meta.url))
  return launchEntry(t, ['--import', hook, main, 'run', '-c', configPath], configPath)
}
