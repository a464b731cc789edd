import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, openSync, closeSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { BenchError } from './errors.ts'

/**
 * Every process the bench starts is in `live`, leads its own process group, and is killed with its group however the
 * bench ends: return, exception, Ctrl-C, SIGTERM. The temporary directory goes with them.
 */
const live = new Set<Child>()
let temporary: string | undefined

const STOP_WITHIN_MS = 5000
const STDERR_KEPT = 4000

export class Child {
  readonly name: string
  readonly process: ChildProcess
  readonly exited: Promise<void>
  #lines: AsyncIterator<string> | undefined
  #reader: Interface | undefined
  #stderr = ''

  constructor(name: string, child: ChildProcess) {
    this.name = name
    this.process = child
    this.exited = once(child, 'close').then(
      () => void live.delete(this),
      () => void live.delete(this),
    )
    child.stderr?.setEncoding('utf8')
    child.stderr?.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT)
    })
    if (child.stdout) {
      this.#reader = createInterface({ input: child.stdout })
      this.#lines = this.#reader[Symbol.asyncIterator]()
    }
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new BenchError(`${this.name} did not start`)
    return this.process.pid
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** The end of what it wrote to stderr. */
  get complaint(): string {
    return this.#stderr.trim()
  }

  /** The next line of stdout; undefined at its end. */
  async line(): Promise<string | undefined> {
    const next = await this.#lines?.next()
    return next?.done === false ? next.value : undefined
  }

  async stop(): Promise<void> {
    if (this.running) {
      signalGroup(this.process.pid, 'SIGTERM')
      const timer = setTimeout(() => signalGroup(this.process.pid, 'SIGKILL'), STOP_WITHIN_MS)
      await this.exited
      clearTimeout(timer)
    }
    signalGroup(this.process.pid, 'SIGKILL')
    this.#reader?.close()
  }
}

const signalGroup = (pid: number | undefined, signal: NodeJS.Signals): void => {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // The group is gone already.
  }
}

/** `stdoutTo`: a file that is appended to; else stdout is read line by line with `line()`. */
export const start = (name: string, command: readonly string[], stdoutTo?: string): Child => {
  const [program, ...args] = command
  if (program === undefined) throw new BenchError(`${name}: an empty command`)
  const file = stdoutTo === undefined ? undefined : openSync(stdoutTo, 'a')
  const child = spawn(program, args, { detached: true, stdio: ['pipe', file ?? 'pipe', 'pipe'] })
  if (file !== undefined) closeSync(file)
  child.stdin?.on('error', () => {})
  const tracked = new Child(name, child)
  live.add(tracked)
  return tracked
}

/** Runs to the end and returns the lines of stdout; any exit status but 0 is an error. */
export const run = async (name: string, command: readonly string[]): Promise<string[]> => {
  const child = start(name, command)
  const lines: string[] = []
  for (let line = await child.line(); line !== undefined; line = await child.line()) lines.push(line)
  await child.exited
  if (child.process.exitCode !== 0)
    throw new BenchError(`${name} failed: ${child.complaint || lines.join('\n')}`)
  return lines
}

export const temporaryDirectory = (): string => {
  temporary ??= mkdtempSync(join(tmpdir(), 'weir-bench-'))
  return temporary
}

/** `except`: the pid of one that goes on. */
export const stopAll = async (except?: number): Promise<void> => {
  await Promise.all([...live].filter((child) => child.process.pid !== except).map((child) => child.stop()))
}

const cleanUp = (): void => {
  for (const child of live) signalGroup(child.process.pid, 'SIGKILL')
  if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true })
}

/** To be called once, first. */
export const cleanUpOnExit = (): void => {
  process.on('exit', cleanUp)
  process.on('SIGINT', () => process.exit(130))
  process.on('SIGTERM', () => process.exit(143))
  process.on('SIGHUP', () => process.exit(129))
}
