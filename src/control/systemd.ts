/**
 * The words of systemd: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). Pure: environment in, text out.
 */
export type ServiceManager = {
  /** Listening sockets that it made for us, by descriptor. */
  readonly fds: readonly number[]
  /** Where it listens to us: `/path` or `@abstract`. */
  readonly socket: string | undefined
  /** It takes us for hung without a sign for this long. */
  readonly watchdogMs: number | undefined
}

/** SD_LISTEN_FDS_START */
const FIRST_FD = 3
/** Whatever the environment says: nobody is given more. */
const MOST_FDS = 4096

/** What concerns us; variables that name another process were meant for that one. */
export function serviceManager(environment: NodeJS.ProcessEnv, pid: number): ServiceManager {
  const isOurs = (variable: string): boolean => [undefined, String(pid)].includes(environment[variable])
  const count = environment['LISTEN_PID'] === String(pid) ? wholeNumber(environment['LISTEN_FDS']) : 0
  const watchdogUs = isOurs('WATCHDOG_PID') ? wholeNumber(environment['WATCHDOG_USEC']) : 0
  const socket = environment['NOTIFY_SOCKET'] ?? ''
  return {
    fds: Array.from({ length: Math.min(count, MOST_FDS) }, (_, index) => FIRST_FD + index),
    socket: /^[/@]./.test(socket) ? socket : undefined,
    watchdogMs: watchdogUs > 0 ? watchdogUs / 1000 : undefined,
  }
}

/** The environment of what we start: none of this is meant for it. */
export function withoutServiceManager(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = { ...environment }
  for (const variable of OURS) delete kept[variable]
  return kept
}

const OURS = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']

export type ServiceState = 'ready' | 'reloading' | 'stopping' | 'down'

/** One notification. `nowUs`: CLOCK_MONOTONIC, as a reload wants it (Type=notify-reload). */
export function notification(
  state: ServiceState,
  world: { status: string; pid: number; nowUs: bigint },
): string {
  const { status, pid, nowUs } = world
  const lines = {
    ready: ['READY=1', `MAINPID=${pid}`, `STATUS=${oneLine(status)}`],
    reloading: ['RELOADING=1', `MONOTONIC_USEC=${nowUs}`, 'STATUS=Taking over a configuration or a program'],
    stopping: ['STOPPING=1', 'STATUS=Draining'],
    down: ['STATUS=The data plane has ended, another one starts; new connections wait'],
  }
  return lines[state].join('\n')
}

export const WATCHDOG_SIGN = 'WATCHDOG=1'

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0
}
