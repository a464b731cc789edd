import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { emptyTally, fold, judge } from './events.ts'
import type { FileEvent, FileResult, Process, Tally } from './events.ts'

export type Limits = {
  /** One test fails after this. */
  readonly testMs: number
  /** The process is killed when no event came for this long; more than testMs. */
  readonly silentMs: number
  /** … or when every test ended and it still runs after this. */
  readonly lingerMs: number
  /** What it started has so long to end after it: a linter's helper, on a crowded machine, is on its way out for a while. */
  readonly partingMs: number
}

export type Ran = FileResult & {
  readonly file: string
  readonly ms: number
  /** What the process printed, for failures. */
  readonly output: string
}

const REPORTER = new URL('./reporter.ts', import.meta.url).href
const OUTPUT_KEPT = 16 * 1024

/** Process groups of running test files, so that an interrupted runner leaves nothing behind. */
export const running: Set<number> = new Set()

export async function runFile(file: string, limits: Limits, env: NodeJS.ProcessEnv): Promise<Ran> {
  const started = performance.now()
  const dir = mkdtempSync(join(tmpdir(), 'weir-test-'))
  const events = join(dir, 'events')
  try {
    const args = [
      `--test-timeout=${limits.testMs}`,
      `--test-reporter=${REPORTER}`,
      '--test-reporter-destination=stdout',
    ]
    const child = spawn(process.execPath, [...args, file], {
      env: { ...env, WEIR_TEST_EVENTS: events },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // its own process group
    })
    const output = capture(child)
    const ended = exitOf(child)
    if (child.pid !== undefined) running.add(child.pid)
    const killed = await watch(child, ended, { events, limits })
    const { exitCode, signal } = await ended
    const orphans = child.pid !== undefined && (await sweep(child.pid, limits.partingMs))
    if (child.pid !== undefined) running.delete(child.pid)
    await drained(child)
    const process_: Process = { exitCode, signal, killed, orphans }
    return { file, ms: performance.now() - started, output: output(), ...judge(read(events), process_) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

type Exit = { readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
  })
}

/** Its last words: the pipes may still hold some after the exit, and an escaped process could hold them open for ever. */
async function drained(child: ChildProcess): Promise<void> {
  const pipes = [child.stdout, child.stderr].filter((pipe) => pipe !== null && !pipe.closed)
  const closed = pipes.map((pipe) => new Promise((resolve) => pipe?.once('close', resolve)))
  await Promise.race([Promise.all(closed), sleep(500, undefined, { ref: false })])
}

function capture(child: ChildProcess): () => string {
  let text = ''
  const add = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-OUTPUT_KEPT)
  }
  child.stdout?.on('data', add)
  child.stderr?.on('data', add)
  return () => text.trim()
}

function read(path: string): Tally {
  const tally = emptyTally()
  for (const line of textOf(path).split('\n')) {
    if (line !== '') fold(tally, JSON.parse(line) as FileEvent)
  }
  return tally
}

function textOf(path: string): string {
  try {
    const text = readFileSync(path, 'utf8')
    return text.slice(0, text.lastIndexOf('\n') + 1) // a line under way is read next time
  } catch {
    return ''
  }
}

type Watched = { readonly events: string; readonly limits: Limits }

/** Wait for the end; end it when it hangs or lingers. Returns why it was killed, if it was. */
async function watch(child: ChildProcess, ended: Promise<Exit>, at: Watched): Promise<Process['killed']> {
  let length = -1
  let changed = performance.now()
  for (;;) {
    const over = await Promise.race([ended.then(() => true), sleep(250, false, { ref: false })])
    if (over) return undefined
    const text = textOf(at.events)
    if (text.length !== length) {
      length = text.length
      changed = performance.now()
    }
    const quietMs = performance.now() - changed
    if (quietMs < at.limits.lingerMs) continue
    const tally = read(at.events)
    const idle = tally.verdicts.length > 0 && tally.pending.size === 0
    if (!idle && quietMs < at.limits.silentMs) continue
    signalGroup(child.pid, 'SIGTERM')
    const obeyed = await Promise.race([ended.then(() => true), sleep(2000, false)])
    if (!obeyed) signalGroup(child.pid, 'SIGKILL')
    return idle ? 'lingering' : 'silent'
  }
}

/** End what a finished test process left in its group. True if there was something to end. */
async function sweep(pid: number, partingMs: number): Promise<boolean> {
  for (let waited = 0; waited < partingMs; waited += 50) {
    if (!signalGroup(pid, 0)) return false
    await sleep(50)
  }
  return signalGroup(pid, 'SIGKILL')
}

export function signalGroup(pid: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}
