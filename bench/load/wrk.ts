import { join } from 'node:path'
import { run } from './children.ts'
import { BenchError } from './errors.ts'

export type Load = {
  readonly path: string
  readonly method: 'GET' | 'PUT'
  /** Body of the request (PUT) or of the response (GET), bytes. */
  readonly bodyBytes: number
  readonly connections: number
}

export type WrkResult = {
  readonly durationUs: number
  readonly requests: number
  /** Received, heads and unfinished responses included. */
  readonly bytes: number
  readonly p50Us: number
  readonly p99Us: number
  readonly errors: Readonly<Record<'connect' | 'read' | 'write' | 'status' | 'timeout', number>>
}

const script = join(import.meta.dirname, 'wrk.lua')

/** The `result {…}` line of wrk.lua. */
export const parseWrk = (lines: readonly string[]): WrkResult => {
  const line = lines.find((candidate) => candidate.startsWith('result '))
  if (line === undefined) throw new BenchError(`wrk gave no result:\n${lines.join('\n')}`)
  return JSON.parse(line.slice('result '.length)) as WrkResult
}

/** Throws unless every request was answered whole, with a status below 400. */
export const requireClean = (name: string, load: Load, result: WrkResult): void => {
  const errors = Object.entries(result.errors).filter(([, count]) => count > 0)
  const what = `${name}: ${load.method} ${load.path} at ${load.connections} connections`
  if (errors.length > 0)
    throw new BenchError(`${what}: errors ${errors.map(([kind, count]) => `${kind} ${count}`).join(', ')}`)
  if (result.requests === 0)
    throw new BenchError(`${what}: no request was finished in ${result.durationUs} µs`)
  if (load.method === 'GET' && result.bytes < result.requests * load.bodyBytes)
    throw new BenchError(`${what}: ${result.requests} responses in ${result.bytes} bytes are incomplete`)
}

/** `place` puts wrk on the cores that are not the proxy's. */
export const runWrk = async (
  wrk: string,
  port: number,
  load: Load & { readonly seconds: number },
  place: (command: readonly string[]) => readonly string[],
): Promise<WrkResult> => {
  const { method, bodyBytes, connections, seconds, path } = load
  const command = [wrk, '-t1', `-c${connections}`, `-d${seconds}`, '--timeout', '10', '-s', script]
  const url = `http://127.0.0.1:${port}${path}`
  const upload = method === 'PUT' ? bodyBytes : 0
  return parseWrk(await run('wrk', place([...command, url, '--', method, String(upload)])))
}
