import { createConnection } from 'node:net'
import { join } from 'node:path'
import { ask } from '../load/http.ts'
import type { Heavy } from './heavy.ts'

export type Input = {
  readonly port: number
  readonly adminPort: number
  readonly backendPort: number
  readonly folder: string
}

/** A proxy of two threads, and how to find out which thread has a connection. */
export type Contender = {
  readonly name: string
  readonly config: (input: Input) => string
  readonly command: (path: string) => readonly string[]
  /** By thread, 0 and 1: where these connections are now. `before`: what was said before the last of them was opened. */
  readonly places: (input: Input, connections: readonly Heavy[]) => Promise<readonly number[]>
}

const root = join(import.meta.dirname, '../..')

/** Connections of clients, by shard. */
const weirPlaces = async ({ adminPort }: Input): Promise<readonly number[]> => {
  const { body } = await ask({ port: adminPort, path: '/api/v1/shards' })
  const { shards } = JSON.parse(body.toString()) as { shards: readonly { connections: number }[] }
  return shards.map(({ connections }) => connections)
}

const weir = (name: string, cores: string): Contender => ({
  name,
  config: ({ port, adminPort, backendPort }) => `
shards: 2
admin: { bind: 127.0.0.1:${adminPort} }
cores: ${cores}
listeners: { web: { bind: 127.0.0.1:${port}, timeouts: { keepAlive: 600s } } }
routes: [{ cluster: origin }]
clusters: { origin: { endpoints: ['127.0.0.1:${backendPort}'] } }
`,
  command: (path) => [join(root, 'node_modules/.bin/node'), join(root, 'workers/main.ts'), 'run', '-c', path],
  places: weirPlaces,
})

const command = (socket: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = ''
    const connection = createConnection(socket, () => connection.write(`${text}\n`))
    connection.setEncoding('utf8')
    connection.on('data', (chunk: string) => {
      answer += chunk
    })
    connection.on('end', () => resolve(answer))
    connection.on('error', reject)
  })

/** `show fd` tells of each descriptor the thread that polls it (`tmask`) and the client's port (`rport`). */
const haproxyPlaces = async (
  { folder }: Input,
  connections: readonly Heavy[],
): Promise<readonly number[]> => {
  const counts = [0, 0]
  const ports = new Set(connections.map(({ localPort }) => localPort))
  for (const line of (await command(join(folder, 'stats.sock'), 'show fd')).split('\n')) {
    const [, mask] = /tmask=0x([0-9a-f]+) /.exec(line) ?? []
    const [, port] = /rport=(\d+) fe=web/.exec(line) ?? []
    if (port !== undefined && ports.has(Number(port))) counts[mask === '1' ? 0 : 1]!++
  }
  return counts
}

const haproxy = (program: string): Contender => ({
  name: 'HAProxy',
  config: ({ port, backendPort, folder }) => `
global
  nbthread 2
  no strict-limits
  stats socket ${join(folder, 'stats.sock')} mode 600 level admin
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
  http-reuse always
frontend web
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:${backendPort} pool-max-conn 512
`,
  command: (path) => [program, '-db', '-f', path],
  places: haproxyPlaces,
})

export const contenders = (haproxyProgram: string | undefined): readonly Contender[] => [
  weir('weir', '{ steer: on, handOver: on }'),
  weir('weir, kernel’s reuseport only', '{ steer: off, handOver: off }'),
  ...(haproxyProgram === undefined ? [] : [haproxy(haproxyProgram)]),
]
