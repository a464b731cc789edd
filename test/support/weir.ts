import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scope } from './wire.ts'

/**
 * The real program in a process of its own, from a configuration text. It is stopped when the test ends, killed if it does not stop.
 */
export type Weir = {
  /** The master; `dataPlanePid` tells who proxies. */
  readonly process: ChildProcess
  /** The configuration file, to be rewritten before a reload. */
  readonly configPath: string
  /** Addresses by listener name (`admin` too), as the last line about addresses said: `127.0.0.1:4711`, `unix:/path`. */
  readonly addresses: () => ReadonlyMap<string, string>
  /** `http://127.0.0.1:…` of a listener. */
  readonly url: (listener: string) => string
  readonly adminUrl: () => string
  /** Lines of stderr so far. */
  readonly lines: readonly string[]
  /** Resolves with the first line (after the `from`-th) that matches; rejects when the program ends or `timeoutMs` are over. */
  readonly line: (pattern: RegExp, from?: number) => Promise<string>
  readonly write: (configText: string) => Promise<void>
  /** Rewrite the configuration, SIGHUP, and wait for the verdict's line. */
  readonly reload: (configText: string) => Promise<string>
  /** SIGTERM; resolves with the exit code. */
  readonly stop: () => Promise<number | null>
}

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

const main = fileURLToPath(new URL('../../workers/main.ts', import.meta.url))
const DEADLINE_MS = 20_000
/** Longer than any drain in the tests. */
const STOP_MS = 15_000

/** Run a command of weir to its end. */
export async function weir(...args: readonly string[]): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const collected = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (collected.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (collected.stderr += text))
  const deadline = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(deadline)
  return { code, ...collected }
}

/** Start `weir run` and wait until it is ready. */
export async function startWeir(t: Scope, configText: string, fdLimit?: number): Promise<Weir> {
  const configPath = await configFile(t, configText)
  const started = launch(t, ['run', '-c', configPath], configPath, fdLimit)
  await started.line(/^weir: ready/)
  return started
}

/** A configuration file that goes with the scope. */
export async function configFile(t: Scope, configText: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-test-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const configPath = join(folder, 'weir.yaml')
  await writeFile(configPath, configText + unlessSaid(configText))
  return configPath
}

/** A crowded machine must not shed what a test sends, nor a test wait for the drain of half a minute, unless it is about that. */
function unlessSaid(configText: string): string {
  if (!/^listeners:/m.test(configText)) return ''
  const said = (key: string): boolean => new RegExp(`^${key}:`, 'm').test(configText)
  const lines = [
    ...(said('overload') ? [] : ['overload: off']),
    ...(said('drain') ? [] : ['drain: { window: 50ms, hard: 5s }']),
  ]
  return lines.map((line) => `\n${line}`).join('')
}

/** Start any long-running command; does not wait. `fdLimit`: soft and hard limit of its file descriptors. */
export function launch(t: Scope, args: readonly string[], configPath = '', fdLimit?: number): Weir {
  return launchEntry(t, [main, ...args], configPath, fdLimit)
}

/** The same with another entry than the program's own, before its arguments. */
export function launchEntry(t: Scope, args: readonly string[], configPath: string, fdLimit?: number): Weir {
  const limit = fdLimit === undefined ? '' : `ulimit -n ${fdLimit} && `
  const command = ['-c', `${limit}exec "$0" "$@"`, process.execPath, ...args]
  return followed(t, spawn('/bin/sh', command, { stdio: ['ignore', 'ignore', 'pipe'] }), configPath)
}

/** A program that was started, its stderr a pipe: stopped when the test ends. */
export function followed(t: Scope, child: ChildProcess, configPath: string): Weir {
  const stderr = new Lines(child)
  const line = (pattern: RegExp, from = 0): Promise<string> => stderr.find(pattern, from)
  const addresses = (): ReadonlyMap<string, string> => addressesIn(stderr.lines)
  const url = (listener: string): string => `http://${addresses().get(listener) ?? 'nowhere'}`
  const stop = (): Promise<number | null> => end(child)
  t.after(stop)
  return {
    process: child,
    configPath,
    addresses,
    url,
    adminUrl: () => url('admin'),
    lines: stderr.lines,
    line,
    write: (text) => writeFile(configPath, text),
    async reload(text) {
      const from = stderr.lines.length
      await writeFile(configPath, text)
      child.kill('SIGHUP')
      return line(/^weir: reload/, from)
    },
    stop,
  }
}

/**
 * The process that proxies: the child of `weir.process`, which is the master. While one is replaced by another: the newest. A program without a
 * master is both.
 */
export function dataPlanePid({ process }: Pick<Weir, 'process'>): number {
  if (process.pid === undefined) throw new Error('it has not started')
  return childrenOf(process.pid).at(-1) ?? process.pid
}

/** Oldest first (proc(5): the parent is field 4 of stat, the start time field 22). */
export function childrenOf(parent: number): readonly number[] {
  const children = readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    const fields = statOf(entry)
    const isLiving = fields[0] !== 'Z'
    return fields[1] === String(parent) && isLiving
      ? [{ pid: Number(entry), started: Number(fields[19]) }]
      : []
  })
  return children.toSorted((a, b) => a.started - b.started || a.pid - b.pid).map(({ pid }) => pid)
}

/** From the state on, which is behind the name in parentheses. */
function statOf(pid: string): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

/**
 * Wait for a condition, at most until the deadline. It is looked at every 10 ms at first, every 50 after 0.8 s: a look is a scrape, a request, and
 * what is waited for needs the cores more.
 */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const startedMs = Date.now()
  while (!(await condition())) {
    const waitedMs = Date.now() - startedMs
    if (waitedMs > DEADLINE_MS) throw new Error(`waited too long until ${what}`)
    const pauseMs = Math.min(MOST_PAUSE_MS, LEAST_PAUSE_MS + waitedMs / 20)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
const LEAST_PAUSE_MS = 10
const MOST_PAUSE_MS = 50

async function end(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await once(child, 'exit')
  clearTimeout(late)
  if (child.signalCode === 'SIGKILL') throw new Error('it did not stop')
  return child.exitCode
}

/** `weir: ready  web http://127.0.0.1:1  admin http://127.0.0.1:2`, the last of its kind. */
function addressesIn(lines: readonly string[]): ReadonlyMap<string, string> {
  const last = lines.findLast((line) => /^weir: (ready|reloaded)/.test(line)) ?? ''
  const parts = last.split('  ').slice(1)
  return new Map(
    parts.map((part) => {
      const [name = '', address = ''] = part.split(' ')
      return [name, address.replace('http://', '')]
    }),
  )
}

type Waiter = {
  readonly pattern: RegExp
  readonly from: number
  readonly resolve: (line: string) => void
  readonly reject: (error: Error) => void
}

/** stderr line by line, and who waits for one. */
class Lines {
  readonly lines: string[] = []
  readonly #waiters = new Set<Waiter>()
  #rest = ''
  #over = false

  constructor(child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    child.once('close', () => {
      this.#over = true
      for (const waiter of this.#waiters) waiter.reject(this.#missing(waiter.pattern, 'the program ended'))
    })
  }

  find(pattern: RegExp, from: number): Promise<string> {
    const found = this.lines.slice(from).find((line) => pattern.test(line))
    if (found !== undefined) return Promise.resolve(found)
    if (this.#over) return Promise.reject(this.#missing(pattern, 'the program has ended'))
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => waiter.reject(this.#missing(pattern, 'too late')), DEADLINE_MS)
      const settle = (): void => {
        clearTimeout(late)
        this.#waiters.delete(waiter)
      }
      const waiter: Waiter = {
        pattern,
        from,
        resolve: (line) => {
          settle()
          resolve(line)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      this.#waiters.add(waiter)
    })
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split('\n')
    this.#rest = parts.pop() ?? ''
    for (const line of parts) {
      this.lines.push(line)
      for (const waiter of this.#waiters) {
        if (this.lines.length > waiter.from && waiter.pattern.test(line)) waiter.resolve(line)
      }
    }
  }

  #missing(pattern: RegExp, why: string): Error {
    return new Error(`no line ${String(pattern)} on stderr (${why}):\n${this.lines.join('\n')}`)
  }
}
