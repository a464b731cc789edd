import { readFileSync, readdirSync } from 'node:fs'

/** What the kernel says of processes (proc(5)). A process that ended meanwhile counts as nothing. */

const TICKS_PER_SECOND = 100 // USER_HZ: 100 on every Linux port that Node supports
const US_PER_TICK = 1e6 / TICKS_PER_SECOND

export type Cpu = {
  /** Scheduler's account of all threads, ns resolution; threads that ended meanwhile are missing. */
  readonly exactUs: number
  /** utime and stime of the thread groups: 10 ms resolution, ended threads included. */
  readonly userUs: number
  readonly systemUs: number
}

export type Memory = { readonly residentBytes: number; readonly privateBytes: number }

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Fields of /proc/PID/stat from the third on (state); the second may hold blanks and parentheses. */
export const statFields = (text: string): string[] => text.slice(text.lastIndexOf(')') + 2).split(' ')

const PPID = 1
const UTIME = 11
const STIME = 12
const CUTIME = 13
const CSTIME = 14

/** The process and all that descend from it. */
export const processTree = (root: number): number[] => {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    const parent = Number(statFields(read(`/proc/${pid}/stat`))[PPID])
    const siblings = children.get(parent)
    if (siblings) siblings.push(pid)
    else children.set(parent, [pid])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

const exactUsOf = (pid: number): number => {
  let ns = 0
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      ns += Number(read(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0] ?? 0)
  } catch {
    return 0
  }
  return ns / 1000
}

export const cpuOf = (pids: readonly number[]): Cpu => {
  let exactUs = 0
  let userUs = 0
  let systemUs = 0
  for (const pid of pids) {
    const fields = statFields(read(`/proc/${pid}/stat`))
    userUs += Number(fields[UTIME] ?? 0) * US_PER_TICK
    systemUs += Number(fields[STIME] ?? 0) * US_PER_TICK
    exactUs += exactUsOf(pid)
  }
  return { exactUs, userUs, systemUs }
}

/** This process and the children it has waited for (wrk). */
export const ownCpuUs = (): number => {
  const fields = statFields(read('/proc/self/stat'))
  return [UTIME, STIME, CUTIME, CSTIME].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0) * US_PER_TICK
}

/** Busy time of all cores, and what the hypervisor took (steal). */
export const machineBusyUs = (): number => {
  const [user, nice, system, , , irq, softIrq, steal] =
    read('/proc/stat').split('\n', 1)[0]?.split(/\s+/).slice(1) ?? []
  return (
    [user, nice, system, irq, softIrq, steal].reduce((sum, ticks) => sum + Number(ticks ?? 0), 0) *
    US_PER_TICK
  )
}

const kilobytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024

export const memoryOf = (pids: readonly number[]): Memory => {
  let residentBytes = 0
  let privateBytes = 0
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    residentBytes += kilobytes(rollup, 'Rss')
    privateBytes += kilobytes(rollup, 'Private_Clean') + kilobytes(rollup, 'Private_Dirty')
  }
  return { residentBytes, privateBytes }
}

/** Hard limit of open files of this process, which what it starts inherits. */
export const openFilesLimit = (): number => {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(read('/proc/self/limits'))?.[1]
  return hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}
