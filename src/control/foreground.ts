import { constants } from 'node:os'
import { GAVE_UP, problemsOf, Refusal } from './failure.ts'
import type { Program } from './program.ts'

/** The process around a program. */
export type Host = {
  readonly on: (signal: Signal, handler: () => void) => void
  /** At once, whatever runs. */
  readonly exit: (code: number) => void
  readonly nowMs: () => number
  readonly say: (line: string) => void
}

export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'

/** npm passes the terminal's Ctrl-C on to a child that had it already: two within this are one. */
const SAME_INTERRUPT_MS = 100

/**
 * Start, run until told to stop, stop: resolves with the exit code. SIGTERM and SIGINT drain and stop, a second one stops at once
 * (128 + its number, as shells say it); SIGHUP reloads. `onReady` runs when every listener accepts.
 */
export async function runForeground(program: Program, host: Host, onReady: () => void): Promise<number> {
  const stopped = Promise.withResolvers<number>()
  let stoppingSinceMs: number | undefined
  const onStop = (signal: 'SIGTERM' | 'SIGINT'): void => {
    const nowMs = host.nowMs()
    if (stoppingSinceMs === undefined) {
      stoppingSinceMs = nowMs
      host.say(`weir: ${signal}: draining, once more stops at once`)
      program.stop().then(() => stopped.resolve(0), stopped.reject)
    } else if (signal === 'SIGTERM' || nowMs - stoppingSinceMs > SAME_INTERRUPT_MS) {
      host.say(`weir: ${signal} again: stopping at once`)
      host.exit(128 + constants.signals[signal])
    }
  }
  host.on('SIGTERM', () => onStop('SIGTERM'))
  host.on('SIGINT', () => onStop('SIGINT'))
  host.on('SIGHUP', () => void program.reload())
  // Unheard, the first would open Node's debugger on loopback to every local user, and the second would end the program at once.
  host.on('SIGUSR1', () => host.say('weir: SIGUSR1 does nothing here; SIGHUP opens the access log again'))
  host.on('SIGUSR2', () =>
    host.say('weir: SIGUSR2 does nothing here; the program of weir run is replaced by it'),
  )
  void program.gaveUp.then((actor) => {
    host.say(`weir: ${actor} died once too often: the program gives up (supervision.maxRestarts)`)
    host.exit(GAVE_UP)
  })
  try {
    await program.start()
  } catch (thrown) {
    if (stoppingSinceMs !== undefined) return stopped.promise
    if (!(thrown instanceof Refusal)) host.say('weir: the start failed:')
    for (const line of problemsOf(thrown)) host.say(line)
    return 1
  }
  if (stoppingSinceMs === undefined) onReady()
  return stopped.promise
}
