import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { connections, createEngine, listeners } from '../../native/index.ts'
import { EVENT, EVENT_WORDS, OP } from '../../src/io/engine.ts'
import type { Handle } from '../../src/io/engine.ts'
import { engineOptions } from './engine-rig.ts'

test('a promise reaction that flushes cannot write over the ops its batch has just said', async (t) => {
  const options = engineOptions()
  const engine = createEngine(options)
  const group = listeners.open('127.0.0.1:0', 1, 16)
  t.after(() => {
    engine.stop()
    listeners.close(group)
    connections.resetOwned(options.shard)
  })
  const { mem, ops, events, arenaBytes } = engine
  const say = (row: number, text: string, to: Handle): void => {
    const at = arenaBytes + row * 64
    const { written } = new TextEncoder().encodeInto(text, mem.subarray(at, at + 64))
    ops.set([OP.send, to.fd, to.generation, at, written], row * 8)
  }
  engine.start((rows) => {
    for (let row = 0; row < rows; row++) {
      if (events[row * EVENT_WORDS] !== EVENT.accepted) continue
      const client = { fd: events[row * EVENT_WORDS + 1]!, generation: events[row * EVENT_WORDS + 2]! }
      say(0, 'first ', client)
      void Promise.resolve().then(() => {
        say(0, 'second', client)
        engine.flush(1)
      })
      return 1
    }
    return 0
  })
  engine.listen(group.fds[0]!, 1)
  const port = Number(group.address.split(':').at(-1))
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let heard = ''
  socket.setEncoding('latin1').on('data', (text: string) => (heard += text))
  while (heard.length < 12) await once(socket, 'data')
  socket.destroy()
  assert.equal(heard, 'first second')
})
