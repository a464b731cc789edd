import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Host } from './host.ts'
import { FdChannel } from './fd-channel.ts'

/** One data-plane process, as its parent has it. */
export type DataPlaneProcess = {
  readonly pid: number | undefined
  readonly fds: FdChannel
  /** To one that has ended: nothing. */
  readonly send: (message: object) => void
  readonly kill: () => void
}

export type DataPlaneEvents = {
  readonly onMessage: (message: unknown) => void
  /** It is over, and every message it sent was given to `onMessage`. `code` null: ended by `signal`, or it could not be started (`signal`: why). */
  readonly onEnded: (code: number | null, signal: string | null) => void
}

/** `variable` of its environment names the descriptor of its end of the channel for descriptors. */
export type DataPlaneSpec = {
  readonly command: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly variable: string
}

/** Behind the three standard ones and Node's own channel. */
const FD_SOCKET = 4

/** Start one. It has our standard streams; it is not ours to detach, so that what ends our process group ends it, too. */
export function startDataPlane(host: Host, spec: DataPlaneSpec, events: DataPlaneEvents): DataPlaneProcess {
  const [file = '', ...args] = spec.command
  const [ours, theirs] = host.socketPair()
  const env = { ...spec.environment, [spec.variable]: String(FD_SOCKET) }
  let child: ChildProcess
  try {
    child = spawn(file, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc', theirs], env })
  } catch (thrown) {
    host.closeFd(ours)
    throw thrown
  } finally {
    host.closeFd(theirs)
  }
  const fds = new FdChannel(host, ours)
  let ending: [number | null, string | null] | undefined
  let connected = true
  let isOver = false
  const ended = (): void => {
    if (ending === undefined || connected || isOver) return
    isOver = true // one that could not be started says so, and then is disconnected, too
    events.onEnded(...ending)
    fds.close()
  }
  child.on('message', events.onMessage)
  child.once('disconnect', () => {
    connected = false
    ended()
  })
  child.once('exit', (code, signal) => {
    ending ??= [code, signal]
    ended()
  })
  child.on('error', (error) => {
    if (child.pid !== undefined) return // a message that could not be sent: its end tells more
    ending ??= [null, error.message]
    connected = false
    ended()
  })
  return {
    pid: child.pid,
    fds,
    send: (message) => {
      if (child.connected) child.send(message, ignore)
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

function ignore(): void {}
