import assert from 'node:assert/strict'
import type net from 'node:net'
import type { TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import { connections, listeners } from '../../native/index.ts'
import { allocateEngineMemory } from '../../src/io/engine-memory.ts'
import { ESTATE_WORDS, EVENT_WORDS, LIVE } from '../../src/io/engine.ts'
import type { EngineMemory, ListenerGroup } from '../../src/io/engine.ts'
import { dial, engineOptions, eventually } from './engine-rig.ts'

/** An echoing engine in a thread of its own; see engine-workers/echo.ts. */
export type Shard = {
  readonly worker: Worker
  readonly said: Record<string, unknown>[]
  readonly exit: Promise<number>
  readonly memory: EngineMemory
  /** Where its `w` waits until it is 1. */
  readonly gate: Int32Array
}

/** Lives of each shard index that were begun and not ended: one and its successor, say. */
const living = new Map<number, number>()

export async function shard(t: TestContext, index: number, listenerFds: readonly number[]): Promise<Shard> {
  const memory = allocateEngineMemory(engineOptions())
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL('./engine-workers/echo.ts', import.meta.url), {
    workerData: { shard: index, listenerFds, memory, gate },
  })
  living.set(index, (living.get(index) ?? 0) + 1)
  const said: Record<string, unknown>[] = []
  worker.on('error', () => {})
  worker.on('message', (message: Record<string, unknown>) => said.push(message))
  const exit = new Promise<number>((resolve) => worker.on('exit', resolve))
  t.after(async () => {
    openGate(gate)
    await worker.terminate()
    living.set(index, (living.get(index) ?? 1) - 1)
    if (living.get(index) === 0) connections.resetOwned(index)
  })
  await eventually(() => said.some(({ ready }) => ready === true), 'the shard to start')
  return { worker, said, exit, memory, gate }
}

export function openGate(gate: Int32Array): void {
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
}

export function open(t: TestContext, members: number): ListenerGroup {
  const group = listeners.open('127.0.0.1:0', members, 511)
  t.after(() => listeners.close(group))
  return group
}

/** A client that has been answered, so that it is accepted. */
export async function client(group: ListenerGroup): Promise<net.Socket> {
  const socket = dial(group.address)
  await ask(socket, 'hello')
  return socket
}

/** What a socket received and nobody has heard yet, from its first `ask` or `hear` on. */
const unheard = new WeakMap<net.Socket, { text: string }>()

function ear(socket: net.Socket): { text: string } {
  const known = unheard.get(socket)
  if (known !== undefined) return known
  const made = { text: '' }
  socket.on('data', (bytes: Buffer) => (made.text += bytes.toString('latin1')))
  unheard.set(socket, made)
  return made
}

export async function ask(socket: net.Socket, question: string): Promise<void> {
  ear(socket)
  socket.write(question)
  await hear(socket, question)
}

/** The next bytes of a socket are these. */
export async function hear(socket: net.Socket, text: string): Promise<void> {
  const heard = ear(socket)
  await eventually(() => heard.text.length >= text.length || socket.destroyed, `'${text.slice(0, 30)}'`)
  assert.equal(heard.text.slice(0, text.length), text)
  heard.text = heard.text.slice(text.length)
}

export type Left = { fd: number; generation: number; kind: number; token: number; bytes: number }

/** Rows of `Connections.estate`, by fd. */
export function estate(index: number): Left[] {
  const words = connections.estate(index)
  return Array.from({ length: words.length / ESTATE_WORDS }, (_, row) => {
    const [fd = 0, generation = 0, kind = 0, token = 0, low = 0, high = 0] = words.subarray(
      row * ESTATE_WORDS,
    )
    return { fd, generation, kind, token, bytes: (low >>> 0) + (high >>> 0) * 0x1_0000_0000 }
  })
}

export type Took = { fd: number; taken: number; peer: string; flags: number }

export async function take(heir: Shard, rows: readonly Left[]): Promise<Took[]> {
  const before = heir.said.length
  heir.worker.postMessage({ take: rows.map(({ fd, generation }) => [fd, generation]) })
  const answer = (): unknown => heir.said.slice(before).find(({ took }) => took !== undefined)?.['took']
  await eventually(() => answer() !== undefined, 'the heir to take')
  return answer() as Took[]
}

/** The event row that the thread of a life was at, and those behind it. */
export function lastBatch(memory: EngineMemory): {
  cursor: number
  rows: Int32Array[]
  text: (row: number) => string
} {
  const live = new Int32Array(memory.buffer, memory.live)
  const count = live[LIVE.rows] ?? 0
  const rows = Array.from(
    { length: count },
    (_, row) => new Int32Array(memory.buffer, memory.events + row * EVENT_WORDS * 4, EVENT_WORDS),
  )
  const text = (row: number): string => {
    const [, , , from = 0, length = 0] = rows[row] ?? []
    return Buffer.from(memory.buffer, memory.mem + from, length).toString('latin1')
  }
  return { cursor: live[LIVE.cursor] ?? 0, rows, text }
}
