import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Scope } from './wire.ts'

/** How long a connect may take on loopback before it is taken for one that hangs. */
const HANGS_MS = 300

/**
 * A listener whose queue is full, made without a privilege: its process is stopped and accepts nothing, and the kernel
 * drops what comes beyond the backlog. A further connect over TCP neither succeeds nor fails; over a unix socket it fails with EAGAIN.
 */
export async function fullListener(scope: Scope, at: string): Promise<string> {
  const where = at.startsWith('/') ? { path: at, backlog: 1 } : { host: at, port: 0, backlog: 1 }
  const code = `const server = require('node:net').createServer().listen(${JSON.stringify(where)}, () => {
    console.log(server.address().port ?? '')
    process.kill(process.pid, 'SIGSTOP')
  })`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  scope.after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  child.stdout.destroy()
  child.unref()
  const port = Number(line.toString())
  const target = at.startsWith('/') ? { path: at } : { host: at, port }
  while (await connects(scope, target));
  return at.startsWith('/') ? `unix:${at}` : `${at}:${port}`
}

async function connects(
  scope: Scope,
  target: { path: string } | { host: string; port: number },
): Promise<boolean> {
  const socket = connect(target)
  scope.after(() => socket.destroy())
  const outcome = Promise.withResolvers<boolean>()
  const late = setTimeout(() => outcome.resolve(false), HANGS_MS)
  socket.on('connect', () => outcome.resolve(true))
  socket.on('error', () => outcome.resolve(false))
  const connected = await outcome.promise
  clearTimeout(late)
  return connected
}
