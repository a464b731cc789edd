/**
 * How an actor's thread does: one row of doubles per actor, written by that actor every half a second (every second while it has next to nothing to do), the alarm and how
 * busy it is by native code; read by all.
 */

export const VITALS_WORDS = 32

export const VITAL = {
  /** Monotonic ms of the last writing. */
  at: 0,
  /** 1: the heap reached its limit; whoever watches ends the thread (`Host.guardHeap`). Writer: native code. Zeroed by main between two lives. */
  heapAlarm: 1,
  /** Bytes of objects, and at most. */
  heapUsed: 2,
  heapLimit: 3,
  /** Totals since the life began. */
  gcPauses: 4,
  gcPauseMs: 5,
  /** Longest pause of the last period. */
  gcPauseMaxMs: 6,
  /** Delay of the thread's loop: turns and ms in all, and the longest of the last period. */
  loopTurns: 7,
  loopDelayMs: 8,
  loopDelayMaxMs: 9,
  /** CPU time of the thread, total. */
  cpuMs: 10,
  /** Heap spaces, bytes used: `new_space` (with the large ones), `old_space`, `code_space`, `large_object_space`. */
  newSpace: 11,
  oldSpace: 12,
  codeSpace: 13,
  largeSpace: 14,
  /** Kernel's thread id. */
  tid: 15,
  /** A shard: late with what came in, smoothed, in ms (the load signal of `overload` and of steering). */
  delayMs: 16,
  /** Share of the time the thread was busy (not waiting for anything to come), smoothed over two seconds, 0…1. Writer of these three: whoever hears it (`Host.hear`). */
  busy: 17,
  /** That time, total, and the monotonic ms up to which it is counted. */
  busyMs: 18,
  busyAt: 19,
  /** A shard that is nearly all busy: how many connections share it, as if all were alike (1 / Σ share²); 0: it has time left. */
  crowd: 20,
} as const
