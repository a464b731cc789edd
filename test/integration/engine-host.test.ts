import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import { host } from '../../native/index.ts'
import { Rig, eventually } from './engine-rig.ts'

const MIB = 1 << 20

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'weir-host-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A socket pair, each end closed once. */
function pair(t: TestContext): { ours: number; theirs: number; close: (fd: number) => void } {
  const [ours, theirs] = host.socketPair()
  const openEnds = new Set([ours, theirs])
  const close = (fd: number): void => {
    if (openEnds.delete(fd)) host.closeFd(fd)
  }
  t.after(() => [ours, theirs].forEach(close))
  return { ours, theirs, close }
}

for (const kind of ['map', 'arrays', 'strings'] as const) {
  test(`a heap that grows in a synchronous loop (${kind}) raises the alarm, the process lives and terminate ends the thread`, async (t) => {
    const alarm = new Float64Array(new SharedArrayBuffer(8))
    const worker = new Worker(new URL('./engine-workers/hoard.ts', import.meta.url), {
      workerData: { alarm, extraBytes: 16 * MIB, kind },
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    })
    t.after(() => worker.terminate())
    const errors: unknown[] = []
    worker.on('error', (error) => errors.push(error))
    const exit = once(worker, 'exit')
    const [twice] = (await once(worker, 'message')) as [string]
    assert.equal(twice, 'ERR_WEIR_GUARDED')
    assert.equal(alarm[0], 0)
    await eventually(() => alarm[0] === 1, 'the alarm')
    assert.deepEqual(errors, [])
    await worker.terminate()
    await exit
    assert.deepEqual(errors, [])
  })
}

test('when nobody ends the thread in the room that was given, its own end comes: a worker error, not an abort', async (t) => {
  const alarm = new Float64Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL('./engine-workers/hoard.ts', import.meta.url), {
    workerData: { alarm, extraBytes: MIB, kind: 'arrays' },
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
  })
  t.after(() => worker.terminate())
  const [error] = (await once(worker, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ERR_WORKER_OUT_OF_MEMORY')
  assert.equal(alarm[0], 1)
})

test('descriptors and text cross a socket pair, in order, as many as a message holds', (t) => {
  const { ours, theirs } = pair(t)
  const path = join(folder(t), 'file')
  writeFileSync(path, 'the same file')
  const fd = openSync(path, 'r')
  assert.equal(host.receiveFds(theirs), undefined)
  host.sendFds(ours, 'one', [fd])
  host.sendFds(ours, 'none', [])
  host.sendFds(
    ours,
    'ü'.repeat(2048),
    Array.from({ length: 253 }, () => fd),
  )
  const first = host.receiveFds(theirs)
  assert.equal(first?.text, 'one')
  const [got = -1] = first?.fds ?? []
  assert.notEqual(got, fd)
  assert.equal(fstatSync(got).ino, fstatSync(fd).ino)
  const read = Buffer.alloc(32)
  assert.equal(read.subarray(0, readSync(got, read, 0, 32, 0)).toString(), 'the same file')
  assert.deepEqual(host.receiveFds(theirs), { text: 'none', fds: [] })
  const many = host.receiveFds(theirs)
  assert.deepEqual([many?.text, many?.fds.length], ['ü'.repeat(2048), 253])
  assert.equal(host.receiveFds(theirs), undefined)
  for (const one of [fd, got, ...(many?.fds ?? [])]) host.closeFd(one)
  assert.throws(() => host.closeFd(fd), { code: 'EBADF', syscall: 'close' })
})

test('a peer that went away is an error on either side', (t) => {
  const { ours, theirs, close } = pair(t)
  close(theirs)
  assert.throws(() => host.sendFds(ours, 'x', []), { code: 'EPIPE' })
  assert.throws(() => host.receiveFds(ours), { code: 'ECONNRESET' })
  assert.throws(() => host.receiveFds(-1), { code: 'EBADF' })
})

test('a stream socket carries them as well', async (t) => {
  const fdOf = (socket: net.Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd
  const path = join(folder(t), 'stream')
  const listener = net.createServer({ pauseOnConnect: true }).listen(path)
  await once(listener, 'listening')
  const ours = net.connect(path)
  const [theirs] = (await once(listener, 'connection')) as [net.Socket]
  t.after(() => {
    ours.destroy()
    theirs.destroy()
    listener.close()
  })
  host.sendFds(fdOf(ours), 'over a stream', [1])
  const got = host.receiveFds(fdOf(theirs))
  assert.deepEqual([got?.text, got?.fds.length], ['over a stream', 1])
  for (const fd of got?.fds ?? []) host.closeFd(fd)
})

test('what does not fit one message is refused; a full socket is waited for, a second at most', (t) => {
  const { ours } = pair(t)
  for (const text of ['', 'x'.repeat(4097)]) assert.throws(() => host.sendFds(ours, text, []), RangeError)
  for (const fds of [Array.from({ length: 254 }, () => 0), [-1], [0.5], ['0']] as number[][]) {
    assert.throws(() => host.sendFds(ours, 'x', fds), RangeError)
  }
  const startedMs = performance.now()
  assert.throws(
    () => {
      for (let i = 0; i < 10_000; i++) host.sendFds(ours, 'x'.repeat(4096), [])
    },
    { code: 'ETIMEDOUT' },
  )
  assert.ok(performance.now() - startedMs >= 1000)
})

test('descriptors of ours are closed by exec unless they are kept', (t) => {
  const { ours } = pair(t)
  const closedByExec = (): boolean => {
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${ours}`, 'utf8'))?.[1] ?? ''
    return (Number.parseInt(flags, 8) & 0o2000000) !== 0
  }
  assert.equal(closedByExec(), true)
  host.keepOnExec(ours, true)
  assert.equal(closedByExec(), false)
  host.keepOnExec(ours, false)
  assert.equal(closedByExec(), true)
  assert.throws(() => host.keepOnExec(1 << 19, true), { code: 'EBADF' })
})

test('closeFd never closes a connection', async (t) => {
  const rig = new Rig(t)
  const [socket, client] = await rig.pair(rig.listen())
  assert.throws(() => host.closeFd(client.fd), { code: 'EBUSY' })
  rig.send(client, 'still here')
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  assert.equal(bytes.toString(), 'still here')
})

test('a thread stays on the CPUs it is told', (t) => {
  const allowed = (): string =>
    /Cpus_allowed_list:\s*(.*)/.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1] ?? ''
  const before = allowed()
  const first = Number(/^\d+/.exec(before)?.[0])
  const count = before.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
  t.after(() => host.pin(count))
  host.pin([first])
  assert.equal(allowed(), String(first))
  for (const cpus of [[], [-1], [4096], [0.5]]) assert.throws(() => host.pin(cpus), RangeError)
  host.pin(count)
  assert.equal(allowed(), before)
})

test('sd_notify reaches a path and an abstract name, and says so if nobody listens', async (t) => {
  const path = join(folder(t), 'notify')
  assert.equal(host.notify(path, 'READY=1'), false)
  assert.equal(host.notify(`@weir-nobody-${process.pid}`, 'READY=1'), false)
  for (const name of ['', 'relative', '@', `/${'x'.repeat(200)}`]) {
    assert.throws(() => host.notify(name, 'READY=1'), { code: 'EINVAL' })
  }
  for (const name of [path, `@weir-${process.pid}`]) {
    const script = `import socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); n=sys.argv[1]; s.bind('\\0'+n[1:] if n[0]=='@' else n); print('bound',flush=True); print(s.recv(4096).decode(),flush=True)`
    const listener = spawn('python3', ['-c', script, name])
    t.after(() => listener.kill('SIGKILL'))
    let said = ''
    listener.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()))
    await eventually(() => said.includes('bound'), 'python to listen')
    assert.equal(host.notify(name, 'READY=1\nSTATUS=well'), true)
    await eventually(() => said.includes('READY=1\nSTATUS=well'), 'the datagram')
  }
})
