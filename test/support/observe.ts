import { readdirSync, readFileSync } from 'node:fs'
import { ask } from './backend.ts'
import { dataPlanePid } from './weir.ts'
import type { Weir } from './weir.ts'

/** What a running weir says of itself, and what the kernel says of it. */
export type Metrics = {
  /** Sum of the samples of a family that carry all these labels; NaN if there are none. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number
}

export async function scrape(weir: Weir): Promise<Metrics> {
  const { body } = await ask(`${weir.adminUrl()}/metrics`)
  const samples = body.split('\n').flatMap((line) => {
    const found = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)
    return found === null ? [] : [{ name: found[1], labels: found[2] ?? '', value: Number(found[3]) }]
  })
  return {
    value(name, labels = {}) {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
      const fitting = samples.filter(
        (sample) => sample.name === name && wanted.every((pair) => sample.labels.includes(pair)),
      )
      return fitting.length === 0 ? NaN : fitting.reduce((sum, { value }) => sum + value, 0)
    },
  }
}

/** Resident bytes of the process. */
export function residentBytes(weir: Weir): number {
  const status = readFileSync(`/proc/${dataPlanePid(weir)}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) * 1024
}

export function openFds(weir: Weir): number {
  return readdirSync(`/proc/${dataPlanePid(weir)}/fd`).length
}

/** The largest descriptor number in use: a limit above it takes nothing away from what is open. */
export function highestFd(weir: Weir): number {
  return Math.max(...readdirSync(`/proc/${dataPlanePid(weir)}/fd`).map(Number))
}
