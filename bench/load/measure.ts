import { createReadStream, truncateSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Running } from './contenders.ts'
import { BenchError } from './errors.ts'
import { ask } from './http.ts'
import { cpuOf, machineBusyUs, ownCpuUs } from './proc.ts'
import type { Cpu } from './proc.ts'
import type { Rig } from './rig.ts'
import type { Metrics } from './results.ts'
import { requireClean, runWrk } from './wrk.ts'
import type { Load, WrkResult } from './wrk.ts'

const GIB = 2 ** 30
const FLUSHED_WITHIN_MS = 3000
/** Share of requests whose log line must arrive; the rest is what was in flight when wrk went away. */
const LOGGED_SHARE = 0.99
/** Share of the machine taken by others from which on a run is called noisy. */
const NOISY = 0.1
/** Schedstat and stat must agree: within a tick for each thread and 3 %. */
const DISAGREE_SHARE = 0.03
const DISAGREE_US = 40_000

const swallowedBytes = async (rig: Rig): Promise<number> =>
  Number((await ask({ port: rig.backendPort, path: '/count' })).body.toString())

/** `oursUs`: the contender, the backend, the bench and wrk; the rest of `busyUs` is others' on this machine. */
type Clock = { readonly atMs: number; readonly cpu: Cpu; readonly busyUs: number; readonly oursUs: number }

const clock = (rig: Rig, contender: Running): Clock => {
  const cpu = cpuOf(contender.pids)
  const backend = cpuOf([rig.backendPid])
  return {
    atMs: performance.now(),
    cpu,
    busyUs: machineBusyUs(),
    oursUs: cpu.userUs + cpu.systemUs + backend.userUs + backend.systemUs + ownCpuUs(),
  }
}

type Spent = { readonly cpuUs: number; readonly userShare: number; readonly foreignShare: number }

const spentBetween = (rig: Rig, contender: Running, before: Clock, after: Clock): Spent => {
  const userUs = after.cpu.userUs - before.cpu.userUs
  const coarseUs = userUs + after.cpu.systemUs - before.cpu.systemUs
  const exactUs = after.cpu.exactUs - before.cpu.exactUs
  const disagree = Math.abs(exactUs - coarseUs) > DISAGREE_SHARE * coarseUs + DISAGREE_US
  if (disagree)
    rig.warn(
      `${contender.name}: schedstat says ${(exactUs / 1e3).toFixed(0)} ms of CPU, stat ${coarseUs / 1e3}`,
    )
  const wallUs = (after.atMs - before.atMs) * 1000 * rig.cores
  const foreignUs = after.busyUs - before.busyUs - (after.oursUs - before.oursUs)
  const foreignShare = Math.max(0, foreignUs / wallUs)
  if (foreignShare > NOISY) rig.noisy(foreignShare)
  // Threads that ended meanwhile are in the coarse figure only.
  return {
    cpuUs: disagree ? coarseUs : exactUs,
    userShare: coarseUs > 0 ? userUs / coarseUs : 0,
    foreignShare,
  }
}

/** Below this a transfer is all heads, and CPU per byte says nothing. */
const BODY_BYTES = 4096

/** What moved, unfinished requests included: wrk counts downloads, the backend counts uploads. */
const transfer = (load: Load, result: WrkResult, spent: Spent, swallowed: number): Metrics => {
  if (load.bodyBytes < BODY_BYTES) return {}
  const gib = (load.method === 'PUT' ? swallowed : result.bytes) / GIB
  return { cpuSecondsPerGiB: spent.cpuUs / 1e6 / gib, gibPerSecond: gib / (result.durationUs / 1e6) }
}

export const measureLoad = async (rig: Rig, contender: Running, load: Load): Promise<Metrics> => {
  const { options } = rig
  const fire = (seconds: number): Promise<WrkResult> =>
    runWrk(rig.wrk, contender.port, { ...load, seconds }, rig.placeRest)
  if (options.warmUpSeconds > 0) requireClean(contender.name, load, await fire(options.warmUpSeconds))
  if (contender.logPath !== undefined) {
    await logFlushed(contender.logPath)
    truncateSync(contender.logPath)
  }
  const swallowedBefore = await swallowedBytes(rig)
  const before = clock(rig, contender)
  const result = await fire(options.seconds)
  const after = clock(rig, contender)
  const swallowed = (await swallowedBytes(rig)) - swallowedBefore
  requireClean(contender.name, load, result)
  if (!contender.child.running) throw new BenchError(`${contender.name} ended:\n${contender.child.complaint}`)
  if (load.method === 'PUT' && swallowed < result.requests * load.bodyBytes)
    throw new BenchError(
      `${contender.name}: ${result.requests} uploads, but the backend got ${swallowed} bytes`,
    )
  const spent = spentBetween(rig, contender, before, after)
  const log = contender.logPath === undefined ? {} : await loggedShare(rig, contender, result.requests)
  return { ...figures(result, spent), ...transfer(load, result, spent, swallowed), ...log }
}

const figures = (result: WrkResult, spent: Spent): Metrics => {
  const seconds = result.durationUs / 1e6
  const perRequest = spent.cpuUs / result.requests
  return {
    cpuUsPerRequest: perRequest,
    userUsPerRequest: perRequest * spent.userShare,
    systemUsPerRequest: perRequest * (1 - spent.userShare),
    requestsPerSecond: result.requests / seconds,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    requests: result.requests,
    cpuUs: spent.cpuUs,
    foreignCpuShare: spent.foreignShare,
  }
}

const lines = async (path: string): Promise<number> => {
  let count = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>)
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count++
  return count
}

/** Buffered writers flush about once a second: waits until the file has stood still for that long. */
const logFlushed = async (path: string): Promise<number> => {
  const deadline = performance.now() + FLUSHED_WITHIN_MS
  let seen = -1
  for (;;) {
    const now = await lines(path).catch(() => 0)
    if (now === seen || performance.now() > deadline) return now
    seen = now
    await sleep(1200)
  }
}

const loggedShare = async (rig: Rig, contender: Running, requests: number): Promise<Metrics> => {
  const share = (await logFlushed(contender.logPath ?? '')) / requests
  if (share === 0)
    throw new BenchError(`${contender.name}: nothing is in its access log, so it does less work`)
  if (share < LOGGED_SHARE)
    rig.warn(`${contender.name}: only ${(share * 100).toFixed(1)} % of the requests are in its access log`)
  return { loggedShare: share }
}
