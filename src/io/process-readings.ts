import { readdirSync } from 'node:fs'

/** What the process uses now. All threads together. */
export type ProcessReadings = {
  readonly runtime: string
  readonly cpuUserSeconds: number
  readonly cpuSystemSeconds: number
  readonly residentBytes: number
  readonly openFds: number
}

export function readProcess(): ProcessReadings {
  const { user, system } = process.cpuUsage()
  return {
    runtime: `node ${process.version}`,
    cpuUserSeconds: user / 1e6,
    cpuSystemSeconds: system / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openFds: readdirSync('/proc/self/fd').length - 1, // without the one that reads the folder
  }
}
