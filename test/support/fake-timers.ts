import type { Timers } from '../../src/actor/timers.ts'

type Task = { readonly dueMs: number; readonly order: number; readonly run: () => void }

export type FakeTimers = Timers & {
  /** Let virtual time pass, running what is due in order of time (then of birth), with the microtasks between. */
  advance(ms: number): Promise<void>
  /** Timers set and neither run nor cancelled. */
  pending(): number
}

export function fakeTimers(): FakeTimers {
  let nowMs = 0
  let births = 0
  const tasks = new Set<Task>()
  const nextDue = (untilMs: number): Task | undefined =>
    [...tasks]
      .filter((task) => task.dueMs <= untilMs)
      .toSorted((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0]
  return {
    nowMs: () => nowMs,
    after(delayMs, run) {
      const task = { dueMs: nowMs + delayMs, order: births++, run }
      tasks.add(task)
      return () => void tasks.delete(task)
    },
    async advance(ms) {
      const untilMs = nowMs + ms
      await settle()
      for (let task = nextDue(untilMs); task !== undefined; task = nextDue(untilMs)) {
        tasks.delete(task)
        nowMs = Math.max(nowMs, task.dueMs)
        task.run()
        await settle()
      }
      nowMs = untilMs
    },
    pending: () => tasks.size,
  }
}

/** Let every promise that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
