import type { Timers } from '../actor/timers.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Host } from '../io/host.ts'
import { LogFile } from '../io/log-file.ts'
import type { Fleet } from '../shm/fleet.ts'
import { RingReader } from '../shm/ring.ts'
import { AccessLogFormatter, LOG_LINE_MAX } from '../telemetry/access-log.ts'

/**
 * The access log's consuming side: empties the shards' rings into a file, one whole line a request. While lines come it looks every
 * 20 ms (sooner if they come fast), while none come ever more seldom, and then only natively: no JavaScript runs for it. Without an access log
 * nobody looks. Lines the file cannot take stay in their ring; when that is full, its shard drops and counts
 * them. Requests wait for nothing.
 */
export type AccessLogContext = {
  readonly fleet: Fleet
  readonly timers: Timers
  readonly watch: Host['watch']
  readonly say: (line: string) => void
}

/** A ring a quarter full was not looked at soon enough. */
const RUSH_MS = 2
const SOONEST_MS = 20
const LATEST_MS = 200
/** Where nothing waits and nothing comes. */
const SELDOM_MS = 10_000
/** Records formatted at a time: their lines fit the formatter's buffer, however long. */
const BATCH = 8
const BATCH_BYTES = BATCH * LOG_LINE_MAX
/** Records in a row before telemetry's other duties get their turn. */
const MOST_AT_ONCE = 4096
/** The file of a configuration that is gone may take this long for its last lines. */
const FAREWELL_MS = 2000

type Output = {
  readonly to: string
  readonly format: 'text' | 'json'
  readonly file: LogFile
  readonly formatter: AccessLogFormatter
}

export class AccessLog {
  readonly #context: AccessLogContext
  readonly #rings: readonly RingReader[]
  readonly #ringBytes: number
  #output: Output | undefined
  /** As `Host.watch` goes by it. */
  readonly #pace = new Float64Array([SOONEST_MS, SOONEST_MS, 0])
  #stop: (() => void) | undefined

  constructor(context: AccessLogContext) {
    const { fleet } = context
    this.#context = context
    this.#rings = fleet.stripes.map((stripe) => new RingReader(stripe.log))
    this.#ringBytes = fleet.shape.logBytes
  }

  /** Where to, in which format, and whose names: those of the snapshot in force. */
  configure(snapshot: Snapshot): void {
    const { to, format } = snapshot.accessLog
    const before = this.#output
    if (to === before?.to && format === before?.format) {
      before?.formatter.setNames(snapshot)
      return
    }
    this.#look()
    this.#output = to === undefined ? undefined : this.#open(to, format, snapshot)
    if (before !== undefined) void this.#closeFile(before, FAREWELL_MS)
    this.#plan(SOONEST_MS)
    this.#watch()
  }

  /** Follow a rotation. */
  reopen(): void {
    this.#output?.file.reopen()
  }

  /** Write out all there is, within `timeoutMs`, and say how much that did not reach. */
  async close(timeoutMs: number): Promise<void> {
    const { timers } = this.#context
    const deadlineMs = timers.nowMs() + timeoutMs
    while (this.#look() && timers.nowMs() < deadlineMs) {
      await new Promise<void>((resolve) => void timers.after(RUSH_MS, resolve))
    }
    const output = this.#output
    this.#output = undefined
    this.#watch()
    if (output !== undefined)
      await this.#closeFile(output, Math.max(0, deadlineMs - timers.nowMs()), this.#discard())
  }

  /** `lost`: lines that will not even reach the file's buffers. */
  async #closeFile({ to, file }: Output, timeoutMs: number, lost = 0): Promise<void> {
    const lines = lost + (await file.close(timeoutMs))
    if (lines > 0)
      this.#context.say(
        `weir: access log ${to}: ${lines} ${lines === 1 ? 'line was' : 'lines were'} not written`,
      )
  }

  /** Throw away what is in the rings; returns how many lines that is. */
  #discard(): number {
    return this.#rings.reduce((lines, ring) => lines + ring.drain(noop), 0)
  }

  #open(to: string, format: 'text' | 'json', snapshot: Snapshot): Output {
    const { timers, say } = this.#context
    const target = to === 'stderr' ? ({ kind: 'stderr' } as const) : ({ kind: 'file', path: to } as const)
    const file = new LogFile(target, {
      timers,
      onState: (failure) =>
        say(
          failure === undefined
            ? `weir: access log ${to}: written again`
            : `weir: access log ${to}: cannot be written (${failure.message}): lines wait, then are dropped and counted`,
        ),
    })
    file.reopen() // at once: a path that cannot be written is told now, not with the first request
    return { to, format, file, formatter: new AccessLogFormatter(format, snapshot, BATCH_BYTES) }
  }

  /** Empty the rings as far as the file takes it. True: something is left. */
  #look(): boolean {
    const output = this.#output
    if (output === undefined) return false
    const before = this.#pendingMost()
    let left = MOST_AT_ONCE
    for (let shard = 0; shard < this.#rings.length; shard++) left = this.#drain(shard, output, left)
    output.file.write()
    this.#plan(this.#nextDelay(before, left))
    return this.#pendingMost() > 0
  }

  #drain(shard: number, { file, formatter }: Output, most: number): number {
    const ring = this.#rings[shard]!
    const visit = (bytes: Uint8Array, start: number, end: number): void => {
      formatter.append(shard, bytes, start, end)
    }
    let left = most
    while (left > 0 && file.room() >= BATCH_BYTES) {
      const visited = ring.drain(visit, BATCH)
      if (visited === 0) break
      file.append(formatter.take())
      left -= visited
    }
    return left
  }

  #nextDelay(pendingBytes: number, left: number): number {
    if (pendingBytes * 4 > this.#ringBytes || left === 0) return RUSH_MS
    return left < MOST_AT_ONCE ? SOONEST_MS : Math.min(LATEST_MS, this.#pace[0]! * 2)
  }

  #plan(delayMs: number): void {
    this.#pace[0] = delayMs
    this.#pace[1] = delayMs < LATEST_MS || this.#pendingMost() > 0 ? delayMs : SELDOM_MS
  }

  /** As long as there is somewhere to write to. */
  #watch(): void {
    if (this.#output === undefined) {
      this.#stop?.()
      this.#stop = undefined
      return
    }
    const heads = this.#rings.map(({ head }) => head)
    this.#stop ??= this.#context.watch(this.#pace, heads, () => void this.#look())
  }

  /** Bytes in the fullest ring. */
  #pendingMost(): number {
    return this.#rings.reduce((most, ring) => Math.max(most, ring.pendingBytes), 0)
  }
}

function noop(): void {}
