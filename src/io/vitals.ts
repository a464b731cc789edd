import { readlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Host } from './host.ts'
import type { Fleet } from '../shm/fleet.ts'
import type { OtherActor } from '../shm/layout.ts'
import { VITAL, VITALS_WORDS } from '../shm/vitals.ts'
import { machineMs } from './clock.ts'

/** How often a row is written. It is 20 µs of work, and waking a thread for it takes ten times as long: of one that has next to nothing to do there is less to say. */
const ROW_MS = { busy: 500, idle: 1000 } as const
/** Share of its time that a thread is busy then, at most. */
const IDLE = 0.05

/** What of @datadog/native-metrics is used: it comes without types. Durations are ns, since the last call. */
type NativeMetrics = {
  start(...kinds: readonly 'loop'[]): void
  stop(): void
  stats(): {
    readonly eventLoop: Durations
    readonly heap: {
      readonly spaces: readonly { readonly space_name: string; readonly space_used_size: number }[]
    }
  }
}
type Durations = { readonly count: number; readonly sum: number; readonly max: number }

const require = createRequire(import.meta.url)

/**
 * To be called by whoever starts threads, before: the addon cannot be loaded a second time once the last thread that had it is gone ("Module did not
 * self-register"), so the parent has it for the life of the process.
 */
export function nativeMetrics(): NativeMetrics {
  return require('@datadog/native-metrics') as NativeMetrics
}

const NS_PER_MS = 1e6
const US_PER_MS = 1e3

/** Which word of the row tells of a space. Those that are not named are V8's own, or always empty here. */
const SPACES: Readonly<Record<string, number>> = {
  new_space: VITAL.newSpace,
  new_large_object_space: VITAL.newSpace,
  old_space: VITAL.oldSpace,
  trusted_space: VITAL.oldSpace,
  code_space: VITAL.codeSpace,
  code_large_object_space: VITAL.codeSpace,
  large_object_space: VITAL.largeSpace,
  trusted_large_object_space: VITAL.largeSpace,
}

const SPACE_WORDS = new Set(Object.values(SPACES))
const TOTALS = [VITAL.gcPauses, VITAL.gcPauseMs, VITAL.loopTurns, VITAL.loopDelayMs] as const

/** What a thread whose heap is full may still use until it is ended: at a GiB a second, ten looks of the acceptor and two of main. */
const HEAP_ROOM_BYTES = 512 * 2 ** 20

/**
 * The calling thread attends, so that others hear that it lives and how busy it is, and writes down how it does (`shm/vitals.ts`) until it ends, from a timer that keeps
 * nobody alive. With `guardHeap`, a full heap raises the alarm instead of ending the process. Once per thread.
 */
export function startVitals(
  fleet: Fleet,
  who: number | OtherActor,
  host: Pick<Host, 'attend'> & Partial<Pick<Host, 'guardHeap'>>,
): void {
  const native = nativeMetrics()
  host.attend(fleet.heartbeat(who), fleet.busy(who))
  host.guardHeap?.(fleet.heapAlarm(who), HEAP_ROOM_BYTES)
  const vitals = new Vitals(native, fleet.vitals(who))
  process.once('exit', () => {
    vitals.stop()
    native.stop()
  })
}

class Vitals {
  readonly #native: NativeMetrics
  readonly #row: Float64Array
  readonly #spaces = new Float64Array(VITALS_WORDS)
  #longestPauseMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(native: NativeMetrics, row: Float64Array) {
    this.#native = native
    this.#row = row
    native.start('loop')
    observeCollections((ms) => this.#collected(ms))
    for (const word of TOTALS) row[word] = 0 // those of the life before
    row[VITAL.tid] = threadId()
    this.#write()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #write(): void {
    const row = this.#row
    const { eventLoop, heap } = this.#native.stats()
    row[VITAL.gcPauseMaxMs] = this.#longestPauseMs
    this.#longestPauseMs = 0
    row[VITAL.loopTurns]! += eventLoop.count
    row[VITAL.loopDelayMs]! += eventLoop.sum / NS_PER_MS
    row[VITAL.loopDelayMaxMs] = eventLoop.max / NS_PER_MS
    this.#writeHeap(heap.spaces)
    const { user, system } = process.threadCpuUsage()
    row[VITAL.cpuMs] = (user + system) / US_PER_MS
    row[VITAL.at] = machineMs()
    this.#timer = setTimeout(() => this.#write(), row[VITAL.busy]! > IDLE ? ROW_MS.busy : ROW_MS.idle)
    this.#timer.unref()
  }

  #collected(ms: number): void {
    const row = this.#row
    row[VITAL.gcPauses]! += 1
    row[VITAL.gcPauseMs]! += ms
    this.#longestPauseMs = Math.max(this.#longestPauseMs, ms)
  }

  #writeHeap(spaces: ReturnType<NativeMetrics['stats']>['heap']['spaces']): void {
    const row = this.#row
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    row[VITAL.heapUsed] = used
    row[VITAL.heapLimit] = limit
    const bytes = this.#spaces.fill(0)
    for (const { space_name: name, space_used_size: more } of spaces) {
      const word = SPACES[name]
      if (word !== undefined) bytes[word]! += more
    }
    for (const word of SPACE_WORDS) row[word] = bytes[word]!
  }
}

/**
 * Tell of each collection how long it took. Node's observer, for it lets go of V8 before the thread's memory goes; the addon's callback stays, and a thread
 * that is ended while V8 marks collects once more on its way out: that ended the process.
 */
function observeCollections(tell: (ms: number) => void): void {
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) tell(duration)
  })
  observer.observe({ entryTypes: ['gc'] })
}

/** The kernel's name of the calling thread; 0 where /proc is not there. */
function threadId(): number {
  try {
    return Number(/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
