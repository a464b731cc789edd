import { setTimeout as sleep } from 'node:timers/promises'
import { start } from './children.ts'
import type { Child } from './children.ts'
import type { ContenderName, Running } from './contenders.ts'
import { BenchError } from './errors.ts'
import { cpuOf, memoryOf, openFilesLimit } from './proc.ts'
import type { Memory } from './proc.ts'
import type { Rig } from './rig.ts'
import { requireClean, runWrk } from './wrk.ts'

/** Descriptors of a proxy that serve no connection. */
const SPARE_FILES = 1000
/** A proxy may keep descriptors back for the backends' side: weir keeps a third. */
const FILES_PER_CLIENT = 1.5
const SETTLE_MS = 1500
const BASELINE_CONNECTIONS = 64

const connectionsHeld = (rig: Rig): number => {
  const wanted = rig.options.idleConnections
  const possible = Math.floor((openFilesLimit() - SPARE_FILES) / FILES_PER_CLIENT)
  if (wanted <= possible) return wanted
  rig.warn(`the hard limit of open files (ulimit -Hn) allows ${possible} idle connections, not ${wanted}`)
  return possible
}

/** What the proxy is before the connections come: code warm, pool filled, buffers grown. */
const baseline = async (rig: Rig, contender: Running): Promise<Memory> => {
  const load = { path: '/small', method: 'GET', bodyBytes: 128, connections: BASELINE_CONNECTIONS } as const
  if (rig.hasWrk) {
    const seconds = Math.max(2, rig.options.warmUpSeconds)
    requireClean(
      contender.name,
      load,
      await runWrk(rig.wrk, contender.port, { ...load, seconds }, rig.placeRest),
    )
  }
  await sleep(SETTLE_MS)
  return memoryOf(contender.pids)
}

const expectLine = async (holder: Child, name: string, expected: string): Promise<void> => {
  const line = await holder.line()
  if (line !== expected)
    throw new BenchError(`${name}, idle connections: wanted “${expected}”, got “${line ?? ''}”`)
}

export const measureIdle = async (rig: Rig, name: ContenderName, round: number): Promise<void> => {
  const count = connectionsHeld(rig)
  const contender = await rig.launch(name, { connections: count + 256, pinned: false })
  const before = await baseline(rig, contender)
  const holder = start('hold', [rig.holdProgram, String(contender.port), String(count)])
  await expectLine(holder, name, `held ${count}`)
  await sleep(SETTLE_MS)
  const cpuBefore = cpuOf(contender.pids).exactUs
  const startMs = performance.now()
  await sleep(rig.options.seconds * 1000)
  const cpuUs = cpuOf(contender.pids).exactUs - cpuBefore
  const seconds = (performance.now() - startMs) / 1000
  const after = memoryOf(contender.pids)
  holder.process.stdin?.write('\n')
  await expectLine(holder, name, `alive ${count}`)
  rig.record(
    'idle',
    { case: `${count} connections`, contender: name, round },
    {
      residentBytesPerConnection: (after.residentBytes - before.residentBytes) / count,
      privateBytesPerConnection: (after.privateBytes - before.privateBytes) / count,
      idleCpuUsPerSecond: cpuUs / seconds,
      residentBytesBefore: before.residentBytes,
      residentBytesAfter: after.residentBytes,
    },
  )
  holder.process.stdin?.end()
  await holder.exited
  await contender.child.stop()
}
