/** The master: a small process that starts the data plane and outlives it. Loads next to nothing, so that next to nothing of it can break. */
import { connections, host } from '../native/index.ts'
import { fdShortage } from '../src/control/capacity.ts'
import { DATA_PLANE_VARIABLE } from '../src/control/master-protocol.ts'
import { Master } from '../src/control/master.ts'
import { serviceManager, withoutServiceManager } from '../src/control/systemd.ts'
import { systemRng, systemTimers } from '../src/io/clock.ts'
import { startDataPlane } from '../src/io/data-plane-process.ts'
import { processTitle } from '../src/io/process-title.ts'
import { say } from '../src/io/stderr.ts'

/** The launcher by the name it was called by: with a deployment behind a symbolic link, what that link means now. */
const LAUNCHER_VARIABLE = 'WEIR_LAUNCHER'

/** Resolves with the exit code. `args`: of the command line, as the data plane gets them; `config`: the file they name. */
export function runMaster(args: readonly string[], config: string): Promise<number> {
  const command = commandOf(args)
  process.title = processTitle('master', config)
  const manager = serviceManager(process.env, process.pid)
  for (const fd of manager.fds) host.keepOnExec(fd, false)
  const shortage = fdShortage(connections.raiseFdLimit(), 1, 1) // with fewer there is not even a process to say so
  if (shortage !== undefined) {
    say(`weir: ${shortage}`)
    return Promise.resolve(1)
  }
  const master = new Master({
    start: (events) =>
      startDataPlane(
        host,
        {
          command,
          environment: withoutServiceManager(process.env),
          variable: DATA_PLANE_VARIABLE,
        },
        events,
      ),
    manager,
    notify: (socket, text) => host.notify(socket, text),
    closeFd: (fd) => host.closeFd(fd),
    on(signal, handler) {
      const standIns = process.rawListeners(signal) as (() => void)[] // the entry's
      process.on(signal, handler) // first: a signal nobody listens to does what it does by default
      for (const standIn of standIns) process.off(signal, standIn)
    },
    pid: process.pid,
    timers: systemTimers,
    rng: systemRng(),
    monotonicUs: () => process.hrtime.bigint() / 1000n,
    say,
  })
  process.removeAllListeners('SIGUSR1').on('SIGUSR1', () => {
    say('weir: SIGUSR1 does nothing here; SIGHUP opens the access log again')
  })
  return master.run()
}

/**
 * Of the young generation of each of the data plane's threads, in MiB, from its beginning. From the 1 MiB it would have, loading the code makes V8
 * collect it again and again, on all cores: a fifth of the CPU time of a start. The launcher says the same.
 */
const YOUNG = '--min-semi-space-size=4'

/** Node and the code as they are on disk when it is called. */
function commandOf(args: readonly string[]): readonly string[] {
  const launcher = process.env[LAUNCHER_VARIABLE]
  if (launcher !== undefined) return [launcher, ...args]
  return [process.execPath, YOUNG, ...process.execArgv, process.argv[1] ?? '', ...args]
}
