import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Clients, quantileOf } from './fleet/clients.ts'
import type { Seen } from './fleet/clients.ts'
import { fleetContenders } from './fleet/contenders.ts'
import type { FleetContender, FleetInput } from './fleet/contenders.ts'
import { phases } from './fleet/phases.ts'
import type { Mode } from './fleet/phases.ts'
import { cleanUpOnExit, start, stopAll, temporaryDirectory } from './load/children.ts'
import type { Child } from './load/children.ts'
import { freePort } from './load/contenders.ts'
import { BenchError } from './load/errors.ts'
import { untilItAnswers } from './load/ready.ts'
import { table } from './load/report.ts'
import { findTools } from './load/tools.ts'
import type { Tools } from './load/tools.ts'

/**
 * A fleet of four in which one backend turns slow, recovers, fails fast, refuses, and returns cold: what clients see through weir, nginx
 * and HAProxy, side by side. `npm run bench:fleet [-- --rate 800 --scale 1 --only weir]`.
 */
const root = join(import.meta.dirname, '..')
const node = join(root, 'node_modules/.bin/node')

type Row = { readonly contender: string; readonly phase: string; readonly cells: readonly string[] }

class Fleet {
  readonly #child: Child = start('fleet', [node, join(import.meta.dirname, 'fleet/backend.ts')])
  ports: readonly number[] = []

  async start(): Promise<void> {
    this.ports = await this.#numbers('ports')
  }

  async turn(backend: number, mode: Mode): Promise<void> {
    this.#child.process.stdin?.write(`${backend} ${mode}\n`)
    await this.#child.line()
  }

  counts(): Promise<readonly number[]> {
    this.#child.process.stdin?.write('counts\n')
    return this.#numbers('counts')
  }

  async #numbers(word: string): Promise<readonly number[]> {
    const line = (await this.#child.line()) ?? ''
    if (!line.startsWith(`${word} `))
      throw new BenchError(`the fleet said: ${line}\n${this.#child.complaint}`)
    return line.split(' ').slice(1).map(Number)
  }
}

const commandOf = (contender: FleetContender, tools: Tools, input: FleetInput): readonly string[] => {
  const path = join(input.folder, 'config')
  writeFileSync(path, contender.config(input))
  if (contender.program === 'weir') return [node, join(root, 'workers/main.ts'), 'run', '-c', path]
  if (contender.program === 'nginx')
    return [tools.nginx ?? 'nginx', '-e', 'stderr', '-p', input.folder, '-c', path]
  return [tools.haproxy ?? 'haproxy', '-db', '-f', path]
}

const cellsOf = (seen: Seen, toSick: number): readonly string[] => {
  const ms = (q: number): string => quantileOf(seen.latenciesMs, q).toFixed(1)
  const requests = seen.latenciesMs.length
  return [
    ms(0.5),
    ms(0.99),
    ms(0.999),
    String(seen.errors),
    ((100 * seen.errors) / requests).toFixed(2),
    ((100 * toSick) / requests).toFixed(1),
  ]
}

const measure = async (
  contender: FleetContender,
  tools: Tools,
  options: { readonly rate: number; readonly scale: number },
): Promise<readonly Row[]> => {
  const fleet = new Fleet()
  await fleet.start()
  const folder = join(temporaryDirectory(), contender.name.replaceAll(/[^a-z0-9]+/g, '-'))
  mkdirSync(folder)
  const port = await freePort()
  const command = commandOf(contender, tools, { port, backends: fleet.ports, folder })
  const child = start(contender.name, command, '/dev/null')
  await untilItAnswers(child, port, '/work')
  const clients = new Clients(port, options.rate)
  await clients.run(2) // connections are made, code is compiled
  const rows: Row[] = []
  for (const { name, mode, seconds } of phases(options.scale)) {
    await fleet.turn(0, mode)
    const before = await fleet.counts()
    const seen = await clients.run(seconds)
    const toSick = ((await fleet.counts())[0] ?? 0) - (before[0] ?? 0)
    rows.push({ contender: contender.name, phase: name, cells: cellsOf(seen, toSick) })
    process.stderr.write(
      `  ${contender.name} · ${name}: p99 ${quantileOf(seen.latenciesMs, 0.99).toFixed(1)} ms, ` +
        `${seen.errors} errors, ${toSick} to the sick one${seen.late > 0 ? `, ${seen.late} sent late` : ''}\n`,
    )
  }
  clients.close()
  await stopAll()
  return rows
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '800' },
      scale: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
    },
  })
  const tools = findTools()
  const options = { rate: Number(values.rate), scale: Number(values.scale) }
  if (!(options.rate > 0 && options.scale > 0)) throw new BenchError('--rate and --scale are numbers above 0')
  const rows: Row[] = []
  for (const contender of fleetContenders) {
    if (!contender.name.includes(values.only)) continue
    if (contender.program !== 'weir' && tools[contender.program] === undefined) {
      process.stdout.write(`${contender.name}: ${contender.program} is not installed\n`)
      continue
    }
    rows.push(...(await measure(contender, tools, options)))
  }
  const header = ['contender', 'p50 ms', 'p99 ms', 'p99.9 ms', 'errors', '% errors', '% to the sick one']
  for (const [phase, group] of Map.groupBy(rows, (row) => row.phase)) {
    const body = group.map((row) => [row.contender, ...row.cells])
    process.stdout.write(`\n## ${phase}\n\n${table(header, body)}\n`)
  }
}

cleanUpOnExit()
try {
  await main()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof BenchError ? error.message : (error as Error).stack}\n`)
  process.exitCode = 1
}
process.exit()
