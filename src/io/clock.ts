import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Timers } from '../actor/timers.ts'
import type { Clock } from '../base/clock.ts'
import { seededRng } from '../base/random.ts'
import type { Rng } from '../base/random.ts'

/** The machine's clocks. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
}

/** The machine's monotonic clock in ms, the same in every thread (the one above begins with its thread): what times in the fleet memory are of. */
export const machineMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Longest delay a Node timer takes; more would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Timers of the event loop. They keep the process alive: cancel what is not awaited. */
export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(delayMs, MAX_DELAY_MS))
    return () => clearTimeout(timer)
  },
}

/** 32 bits of the system's entropy as an int32. */
export const entropy = (): number => randomInt(2 ** 32) | 0

/** A generator seeded from the system's entropy. */
export const systemRng = (): Rng => seededRng(randomInt(2 ** 48 - 1))

export const sleep = (timers: Timers, delayMs: number): Promise<void> =>
  new Promise((resolve) => void timers.after(delayMs, resolve))
