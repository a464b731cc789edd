/**
 * The calibrated loop of the micro benches. Time is this thread's CPU, not the wall's: the machine may be shared.
 *
 * Law: what every row pays for being measured, the null row shows. The call through `run` is megamorphic from the first
 * row on (`pollute`), so it is never inlined: no row is cheaper for having come first, and no work is proved dead.
 */

/** Does the operation once; `i` counts up. What it returns is summed, so that it has to be computed. */
export type Row = readonly [name: string, run: (i: number) => number]

export type Timing = { readonly medianNs: number; readonly minNs: number; readonly maxNs: number }

export const nullRow: Row = ['null', (i) => i]

const ROUND_US = 40_000
const CALIBRATED_US = 5_000
const WARM_UP_ROUNDS = 3
const MAX_BATCH = 1e9

let sink = 0

const loop = (run: (i: number) => number, times: number): void => {
  let sum = 0
  for (let i = 0; i < times; i++) sum += run(i)
  sink += sum
}

const cpuUs = (run: (i: number) => number, times: number): number => {
  const before = process.threadCpuUsage()
  loop(run, times)
  const used = process.threadCpuUsage(before)
  return used.user + used.system
}

/** Shows the loop more kinds of callee than an inline cache holds. */
export const pollute = (): void => {
  const kinds: ((i: number) => number)[] = [
    (i) => i,
    (i) => i + 1,
    (i) => i ^ 3,
    (i) => -i,
    (i) => i & 7,
    (i) => i | 9,
  ]
  for (let round = 0; round < 20; round++) for (const kind of kinds) loop(kind, 10_000)
}

const calibrate = (run: (i: number) => number): number => {
  let batch = 1
  let us = cpuUs(run, batch)
  while (us < CALIBRATED_US && batch < MAX_BATCH) {
    batch *= us < CALIBRATED_US / 10 ? 8 : 2
    us = cpuUs(run, batch)
  }
  return Math.max(1, Math.round((batch * ROUND_US) / us))
}

/** ns of CPU per operation over `rounds` rounds of about 40 ms. */
export const measure = (run: (i: number) => number, rounds: number): Timing => {
  let batch = calibrate(run)
  const samples: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const us = cpuUs(run, batch)
    if (round >= 0) samples.push((us * 1000) / batch)
    else batch = Math.max(1, Math.round((batch * ROUND_US) / Math.max(us, 1)))
  }
  samples.sort((a, b) => a - b)
  if (Number.isNaN(sink)) throw new Error('a row returned something that is not a number')
  const at = (index: number): number => samples.at(index) ?? Number.NaN
  return { medianNs: at(samples.length >> 1), minNs: at(0), maxNs: at(-1) }
}
