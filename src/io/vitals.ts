import { readlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { performance, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Host } from './engine.ts'
import type { ActorLine, Fleet } from '../shm/fleet.ts'
import type { OtherActor } from '../shm/layout.ts'
import { VITAL, VITALS_WORDS } from '../shm/vitals.ts'
import { machineMs } from './clock.ts'

/** How often busy time is measured. */
const MEASURE_MS = 250
/** Every so many times the whole row is written: 20 µs of work. */
const ROW_MEASURES = 2
/** Time constant of `VITAL.busy`: long enough that steering by it settles. */
const SMOOTHING_MS = 2000

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
const TOTALS = [VITAL.gcPauses, VITAL.gcPauseMs, VITAL.loopTurns, VITAL.loopDelayMs, VITAL.busyMs] as const

/** What a thread whose heap is full may still use until it is ended: at a GiB a second, some hundred looks of whoever watches. */
const HEAP_ROOM_BYTES = 512 * 2 ** 20

/**
 * The calling thread writes down how it does (`shm/vitals.ts`) until it ends, from a timer that keeps nobody alive. Actors other than shards
 * beat besides, and attend if there is a `host`: a shard's heart is its engine. With a `host`, a full heap raises the alarm instead of ending the process. Once per thread.
 */
export function startVitals(
  fleet: Fleet,
  who: number | OtherActor,
  host?: Pick<Host, 'guardHeap' | 'attend'>,
): void {
  const native = nativeMetrics()
  if (typeof who !== 'number') host?.attend(fleet.heartbeat(who))
  host?.guardHeap(fleet.vitals(who).subarray(VITAL.heapAlarm), HEAP_ROOM_BYTES)
  const vitals = new Vitals(native, fleet.vitals(who), typeof who === 'number' ? undefined : fleet.actor(who))
  const timer = setInterval(() => vitals.measure(), MEASURE_MS)
  timer.unref()
  process.once('exit', () => {
    clearInterval(timer)
    native.stop()
  })
}

class Vitals {
  readonly #native: NativeMetrics
  readonly #row: Float64Array
  readonly #line: ActorLine | undefined
  readonly #spaces = new Float64Array(VITALS_WORDS)
  #measures = 0
  #longestPauseMs = 0

  constructor(native: NativeMetrics, row: Float64Array, line: ActorLine | undefined) {
    this.#native = native
    this.#row = row
    this.#line = line
    native.start('loop')
    observeCollections((ms) => this.#collected(ms))
    for (const word of TOTALS) row[word] = 0 // those of the life before
    row[VITAL.tid] = threadId()
    row[VITAL.busy] = 0
    row[VITAL.busyAt] = machineMs()
    this.measure()
    this.#write(machineMs())
  }

  measure(): void {
    const nowMs = machineMs()
    this.#line?.beat(nowMs)
    this.#measureBusy(nowMs)
    if (++this.#measures % ROW_MEASURES === 0) this.#write(nowMs)
  }

  /** Busy is whatever is not waiting in the loop's poll: reading and sending of the engine included, and a collection, and a wait for a CPU. */
  #measureBusy(nowMs: number): void {
    const row = this.#row
    const busyMs = performance.eventLoopUtilization().active
    const elapsedMs = nowMs - row[VITAL.busyAt]!
    if (elapsedMs > 0) {
      const share = Math.min(1, Math.max(0, (busyMs - row[VITAL.busyMs]!) / elapsedMs))
      row[VITAL.busy]! += (share - row[VITAL.busy]!) * (1 - Math.exp(-elapsedMs / SMOOTHING_MS))
    }
    row[VITAL.busyMs] = busyMs
    row[VITAL.busyAt] = nowMs
  }

  #write(nowMs: number): void {
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
    row[VITAL.at] = nowMs
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
