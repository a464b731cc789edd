import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** So few that the young generation, emptied before each round, does not fill up: a collection in the middle would hide what was allocated. */
const REPEATS = 8000
const ROUNDS = 200

// Optimised code must not have to wait for a core of its own to be compiled on.
setFlagsFromString('--no-concurrent-recompilation')
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/**
 * Bytes of heap one run takes, at best of several rounds: code that is not optimised yet boxes numbers, and other things of the process
 * allocate now and then, but a row that allocates by itself does so in every round.
 */
export function bytesPerRun(run: () => number): number {
  let least = Infinity
  for (let round = 0; round < ROUNDS && least > 0.5; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < REPEATS; i++) run()
    const grown = process.memoryUsage().heapUsed - before
    // A collection in between makes it negative, and says nothing.
    if (grown >= 0) least = Math.min(least, grown / REPEATS)
  }
  return least
}
