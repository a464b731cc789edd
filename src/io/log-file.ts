import { close, open, write } from 'node:fs'
import { promisify } from 'node:util'
import { codeOf } from '../actor/errors.ts'
import { sleep } from './clock.ts'
import type { Timers } from '../actor/timers.ts'

const openFile = promisify(open)
const closeFile = promisify(close)
const writeTo = promisify(write)

/**
 * Lines to a file or to stderr, for a writer that must never wait: two buffers, one filling while the other is on its way to the
 * disk. When the disk is slow, full or gone, the filling one runs full, and what comes then is dropped and counted. A buffer that
 * could not be written is kept and tried again from where it stopped, so lines stay whole.
 *
 * Memory: exactly two buffers. Files are opened for appending; `reopen` follows a rotation.
 */
export type LogTarget = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'stderr' }

export type LogPorts = {
  readonly timers: Timers
  /** Writing began to fail (with the error's code and message) or works again (undefined): once per change of state. */
  readonly onState: (failure: { readonly code: string; readonly message: string } | undefined) => void
}

const BUFFER_BYTES = 1 << 20
const RETRY_MS = 500
const EMPTY = Buffer.alloc(0)
const LINE_END = 0x0a
/** A pipe whose reader is slow, set to non-blocking by somebody: soon again, and no failure. */
const BUSY_RETRY_MS = 10

export class LogFile {
  /** Lines thrown away since the beginning. */
  dropped = 0
  readonly #target: LogTarget
  readonly #ports: LogPorts
  #filling: Buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #filled = 0
  #spare: Buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  /** What of the other buffer is still to be written. */
  #leaving: Buffer = EMPTY
  #fd = -1
  #failing = false
  #stale = false
  #closed = false
  /** The write loop under way. */
  #writing: Promise<void> | undefined

  constructor(target: LogTarget, ports: LogPorts) {
    this.#target = target
    this.#ports = ports
  }

  /** Bytes that `append` takes now. A line that waits where it is costs nothing: ask before making one. */
  room(): number {
    return BUFFER_BYTES - this.#filled
  }

  /** Take over one line, its end included. False: there was no room, it is dropped. Written with the next `write`. */
  append(line: Uint8Array): boolean {
    if (this.#filled + line.length > BUFFER_BYTES) {
      this.dropped++
      return false
    }
    this.#filling.set(line, this.#filled)
    this.#filled += line.length
    return true
  }

  /** Begin to write what was appended, if that is not under way. */
  write(): void {
    if (this.#closed) return
    if (this.#filled === 0 && !this.#stale) return
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined))
  }

  /** Close the file and open it again by its name before anything more is written; at first: open it, so that what is wrong is told now. */
  reopen(): void {
    this.#stale = true
    this.write()
  }

  /** Write what is there, but wait no longer than `timeoutMs`; then close, or as soon as a write that is stuck comes back. What is left
   * is dropped: returns how many lines that is. Never rejects: a file that cannot be closed (EIO: what was written is lost) is a
   * failure like any other. */
  async close(timeoutMs: number): Promise<number> {
    this.write()
    const late = Promise.withResolvers<boolean>()
    const cancel = this.#ports.timers.after(timeoutMs, () => late.resolve(false))
    while (this.#writing !== undefined && this.#holdsLines()) {
      const done = this.#writing.then(() => true)
      if (!(await Promise.race([done, late.promise]))) break
      this.write()
    }
    cancel()
    this.#closed = true
    if (this.#writing === undefined) await this.#closeFinally()
    else void this.#writing.then(() => this.#closeFinally())
    return linesIn(this.#leaving) + linesIn(this.#filling.subarray(0, this.#filled))
  }

  #holdsLines(): boolean {
    return this.#filled > 0 || this.#leaving.length > 0
  }

  async #closeFinally(): Promise<void> {
    try {
      await this.#closeFd()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  async #drain(): Promise<void> {
    while ((this.#filled > 0 || this.#stale) && !this.#closed) {
      const full = this.#filling
      const length = this.#filled
      this.#filling = this.#spare
      this.#filled = 0
      await this.#writeAll(full.subarray(0, length))
      this.#spare = full
    }
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    this.#leaving = bytes
    while (!this.#closed) {
      try {
        if (this.#stale) await this.#closeFd()
        if (this.#fd === -1) await this.#open()
        if (this.#leaving.length > 0) {
          const { bytesWritten } = await writeTo(this.#fd, this.#leaving, 0, this.#leaving.length)
          this.#leaving = this.#leaving.subarray(bytesWritten)
        }
        this.#succeed()
        if (this.#leaving.length === 0) return
      } catch (thrown) {
        const delayMs = this.#fail(thrown)
        await sleep(this.#ports.timers, delayMs)
      }
    }
  }

  async #open(): Promise<void> {
    this.#fd = this.#target.kind === 'stderr' ? 2 : await openFile(this.#target.path, 'a', 0o640)
  }

  async #closeFd(): Promise<void> {
    this.#stale = false
    const fd = this.#fd
    this.#fd = -1
    if (fd > 2) await closeFile(fd)
  }

  #succeed(): void {
    if (!this.#failing) return
    this.#failing = false
    this.#ports.onState(undefined)
  }

  #fail(thrown: unknown): number {
    const code = codeOf(thrown) ?? 'unknown'
    if (code === 'EAGAIN') return BUSY_RETRY_MS
    const message = thrown instanceof Error ? thrown.message : code
    if (!this.#failing) this.#ports.onState({ code, message })
    this.#failing = true
    return RETRY_MS
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(LINE_END); at !== -1; at = bytes.indexOf(LINE_END, at + 1)) lines++
  return lines
}
