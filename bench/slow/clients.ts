import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { serve } from './lines.ts'

const [port = 0, count = 0] = process.argv.slice(2).map(Number)
const AT_ONCE = 100
const DRIP_MS = 2000
const HEAD = 'GET /small HTTP/1.1\r\nhost: bench.test\r\nx: '
const BODY = 'POST /up HTTP/1.1\r\nhost: bench.test\r\ncontent-length: 1000\r\n\r\nsome'
const LARGE = 'GET /10m HTTP/1.1\r\nhost: bench.test\r\n\r\n'

const heads: Socket[] = []
let open = 0
let ended = 0

/** Of ten, five send heads by the byte, three stop within a body, two read nothing. */
function slowOne(index: number): Promise<void> {
  const kind = index % 10
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      open++
      socket.write(kind < 5 ? HEAD : kind < 8 ? BODY : LARGE)
      resolve()
    })
    if (kind < 5) heads.push(socket)
    if (kind < 8) socket.resume()
    else socket.pause()
    socket.on('error', () => resolve())
    socket.once('close', () => {
      open--
      ended++
    })
  })
}

async function openAll(): Promise<{ open: number; ended: number }> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => slowOne(from + i))
    await Promise.all(batch)
  }
  let next = 0
  // A slice of them at a time: who drips does not do so in step.
  setInterval(() => {
    for (let i = 0; i < Math.ceil(heads.length / 20); i++) {
      const socket = heads[next++ % heads.length]
      if (socket?.writable === true) socket.write('x')
    }
  }, DRIP_MS / 20)
  return { open, ended }
}

serve((order) => (order === 'open' ? openAll() : { open, ended }))
