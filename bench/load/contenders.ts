import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { start, temporaryDirectory } from './children.ts'
import type { Child } from './children.ts'
import { haproxyConfig, nginxConfig, weirConfig } from './configs.ts'
import type { ConfigInput } from './configs.ts'
import { BenchError } from './errors.ts'
import type { Options } from './options.ts'
import { processTree } from './proc.ts'
import { untilItAnswers } from './ready.ts'
import type { Tools } from './tools.ts'

export type ContenderName = 'weir' | 'nginx' | 'haproxy' | 'floor'

/** How one run of a contender differs from another. */
export type Variant = {
  readonly log: boolean
  readonly shards: number
  readonly connections: number
  readonly pinned: boolean
  readonly morePorts: readonly number[]
  /** YAML of weir's cluster. */
  readonly clusterKeys: string
}

/** A contender that answers. */
export type Running = {
  readonly name: string
  readonly port: number
  readonly logPath: string | undefined
  readonly child: Child
  /** All processes whose CPU and memory are the contender's. */
  readonly pids: readonly number[]
}

export type Yard = {
  readonly tools: Tools
  readonly options: Options
  readonly backendPort: number
  readonly floorProgram: string
  /** Prefixes a command so that it runs where the proxy, or where everything else, belongs. */
  readonly place: (command: readonly string[], where: 'proxy' | 'rest') => readonly string[]
}

const root = join(import.meta.dirname, '../..')
const weirMain = join(root, 'workers/main.ts')

/** weir first, then the peers, then the floor: those that this machine and the options allow. */
export const availableContenders = (tools: Tools, options: Options): ContenderName[] => {
  const names: ContenderName[] = []
  if (options.weirCommand !== undefined || existsSync(weirMain)) names.push('weir')
  if (tools.nginx !== undefined) names.push('nginx')
  if (tools.haproxy !== undefined) names.push('haproxy')
  names.push('floor')
  return names.filter((name) => !options.without.includes(name))
}

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const writeConfig = (path: string, text: string): string => {
  writeFileSync(path, text)
  return path
}

const weirCommand = (options: Options, config: ConfigInput): readonly string[] => {
  const path = writeConfig(join(config.folder, 'weir.yaml'), weirConfig(config))
  if (options.weirCommand === undefined)
    return [join(root, 'node_modules/.bin/node'), weirMain, 'run', '-c', path]
  const filled = options.weirCommand
    .replaceAll('{config}', path)
    .replaceAll('{port}', String(config.port))
    .replaceAll('{backend}', String(config.backendPort))
    .replaceAll('{shards}', String(config.shards))
  return ['/bin/sh', '-c', `exec ${filled}`]
}

const commandOf = (name: ContenderName, yard: Yard, config: ConfigInput): readonly string[] => {
  const { tools } = yard
  if (name === 'weir') return weirCommand(yard.options, config)
  if (name === 'nginx') {
    const path = writeConfig(join(config.folder, 'nginx.conf'), nginxConfig(config))
    return [tools.nginx ?? 'nginx', '-e', 'stderr', '-p', config.folder, '-c', path]
  }
  if (name === 'haproxy') {
    const path = writeConfig(join(config.folder, 'haproxy.cfg'), haproxyConfig(config))
    return [tools.haproxy ?? 'haproxy', '-db', '-f', path]
  }
  return [yard.floorProgram, String(config.backendPort)]
}

let started = 0

/** Starts a contender and waits until it answers a request. */
export const startContender = async (name: ContenderName, variant: Variant, yard: Yard): Promise<Running> => {
  const folder = join(temporaryDirectory(), `${++started}-${name}`)
  mkdirSync(folder)
  const logPath = variant.log ? join(folder, 'access.log') : undefined
  const { shards, connections, morePorts, clusterKeys } = variant
  const config: ConfigInput = {
    port: name === 'floor' ? 0 : await freePort(),
    backendPort: yard.backendPort,
    folder,
    logPath,
    shards,
    connections,
    morePorts,
    clusterKeys,
  }
  const command = commandOf(name, yard, config)
  const placed = variant.pinned ? yard.place(command, 'proxy') : command
  // The floor says its port on stdout; HAProxy's access log is its stdout. Nobody else's stdout is of interest.
  const child = start(name, placed, name === 'floor' ? undefined : (logPath ?? '/dev/null'))
  const port = name === 'floor' ? await announcedPort(child) : config.port
  await untilItAnswers(child, port, '/small')
  return { name, port, logPath, child, pids: processTree(child.pid) }
}

/** The `port N` line of backend.c and floor.c. */
export const announcedPort = async (child: Child): Promise<number> => {
  const line = (await child.line()) ?? ''
  const port = Number(/^port (\d+)$/.exec(line)?.[1])
  if (!(port > 0)) throw new BenchError(`${child.name} did not start: ${child.complaint || line}`)
  return port
}
