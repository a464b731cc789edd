import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, createReadStream, readdirSync, readFileSync, readlinkSync, renameSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemTimers } from '../../../src/io/clock.ts'
import { LogFile } from '../../../src/io/log-file.ts'

type Failure = { readonly code: string } | undefined
type Setup = { readonly path: string; readonly log: LogFile; readonly states: Failure[] }

async function setup(t: TestContext, fixed?: string): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-log-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = fixed ?? join(folder, 'access.log')
  const states: Failure[] = []
  const log = new LogFile(
    { kind: 'file', path },
    { timers: systemTimers, onState: (state) => states.push(state) },
  )
  return { path, log, states }
}

const line = (text: string): Buffer => Buffer.from(`${text}\n`)
const numbered = (count: number): string => Array.from({ length: count }, (_, n) => `line ${n}\n`).join('')

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !condition(); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(condition())
}

test('lines arrive whole and in order, those appended while a write is under way, too', async (t) => {
  const { path, log } = await setup(t)
  for (let n = 0; n < 5000; n++) {
    log.append(line(`line ${n}`))
    if (n % 7 === 0) log.write()
    if (n % 1000 === 0) await new Promise(setImmediate)
  }
  await log.close(5000)
  assert.equal(readFileSync(path, 'utf8'), numbered(5000))
  assert.equal(log.dropped, 0)
})

test('after a rotation, reopen goes on in a new file of the name; nothing is lost', async (t) => {
  const { path, log } = await setup(t)
  log.append(line('before'))
  log.write()
  await until(() => log.room() > 0 && readable(path) === 'before\n')
  renameSync(path, `${path}.1`)
  log.append(line('between'))
  log.reopen()
  log.append(line('after'))
  await log.close(5000)
  assert.equal(readable(`${path}.1`) + readable(path), 'before\nbetween\nafter\n')
  assert.match(readable(path), /after\n$/)
})

test('a full disk is told once, lines beyond the buffer are dropped and counted, and nothing throws', async (t) => {
  const { log, states } = await setup(t, '/dev/full')
  const chunk = Buffer.alloc(64 * 1024, 'x')
  log.append(chunk)
  log.write()
  await until(() => states.length === 1)
  for (let n = 0; n < 40; n++) log.append(chunk)
  assert.equal(log.dropped, 24)
  await log.close(600) // beyond one retry
  assert.deepEqual(
    states.map((state) => state?.code),
    ['ENOSPC'],
  )
})

test('a file that cannot be opened is tried again until it can', async (t) => {
  const { path, states } = await setup(t)
  const target = { kind: 'file', path: `${path}.d/access.log` } as const
  const late = new LogFile(target, { timers: systemTimers, onState: (state) => states.push(state) })
  late.append(line('patient'))
  late.write()
  await until(() => states.length === 1)
  assert.equal(states[0]?.code, 'ENOENT')
  execFileSync('mkdir', [`${path}.d`])
  await late.close(5000)
  assert.equal(readable(target.path), 'patient\n')
  assert.deepEqual(
    states.map((state) => state?.code),
    ['ENOENT', undefined],
  )
})

test('opened before there is a line: what is wrong with the path is told at once, and close waits for nothing', async (t) => {
  const { path, log, states } = await setup(t, tmpdir())
  log.reopen()
  await until(() => states.length === 1)
  assert.equal(states[0]?.code, 'EISDIR', path)
  const before = performance.now()
  assert.equal(await log.close(5000), 0)
  assert.ok(performance.now() - before < 2500)
})

test('close returns how many lines were not written', async (t) => {
  const lost = await setup(t, '/dev/full')
  lost.log.append(line('one\ntwo'))
  lost.log.write()
  await until(() => lost.states.length === 1)
  lost.log.append(line('three'))
  assert.equal(await lost.log.close(20), 3)
  const kept = await setup(t)
  kept.log.append(line('one'))
  assert.equal(await kept.log.close(5000), 0)
})

test('a reader that does not read blocks nobody: what fits waits, the rest is dropped, what waited arrives whole', async (t) => {
  const { path, log } = await setup(t)
  execFileSync('mkfifo', [path])
  let appended = 0
  for (let n = 0; log.dropped === 0; n++) {
    if (log.append(line(`line ${n}`))) appended++
    if (n === 1000) log.write() // the open waits for a reader, the second buffer begins to fill
  }
  const received: Buffer[] = []
  createReadStream(path).on('data', (bytes) => received.push(Buffer.from(bytes)))
  await log.close(5000)
  await until(() => Buffer.concat(received).length === numbered(appended).length)
  assert.equal(Buffer.concat(received).toString(), numbered(appended))
})

test('a file that outlasts the time of its close is closed when its write comes back', async (t) => {
  const { path, log } = await setup(t)
  execFileSync('mkfifo', [path])
  log.append(line('late'))
  log.write() // the open waits for a reader
  await log.close(20)
  let ended = false
  const received: Buffer[] = []
  const reader = createReadStream(path).on('end', () => (ended = true))
  t.after(() => reader.destroy())
  reader.on('data', (bytes) => received.push(Buffer.from(bytes)))
  await until(() => ended)
  assert.match(Buffer.concat(received).toString(), /^(late\n)?$/)
})

test('a file that cannot be closed is told once, and close does not reject', async (t) => {
  const { path, log, states } = await setup(t)
  log.append(line('written'))
  log.write()
  await until(() => readable(path) === 'written\n')
  for (const fd of descriptorsOf(path)) closeSync(fd)
  await log.close(1000)
  assert.deepEqual(
    states.map((state) => state?.code),
    ['EBADF'],
  )
})

/** This process's descriptors of a file. */
function descriptorsOf(path: string): readonly number[] {
  const target = (fd: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return '' // the listing's own
    }
  }
  return readdirSync('/proc/self/fd')
    .filter((fd) => target(fd) === path)
    .map(Number)
}

function readable(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
