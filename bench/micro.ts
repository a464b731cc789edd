import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { measure, nullRow, pollute } from './micro/support/loop.ts'
import type { Row, Timing } from './micro/support/loop.ts'
import { table } from './load/report.ts'
import { machine, runtimeVersions } from './load/tools.ts'

/**
 * ns of CPU per operation of the hot path's parts: every `bench/micro/*.ts` that exports `rows`, each after its own
 * null row. Drop a module there and it is measured.
 */

const usage = `usage: node bench/micro.ts [module…] [options]

  module         names of bench/micro/*.ts without the extension (default: all)
  --filter TEXT  only rows whose name contains it
  --rounds N     rounds of about 40 ms; median and minimum are shown (9)
  --json FILE    the figures, for bench/compare.ts
`

const folder = join(import.meta.dirname, 'micro')

type Measured = { readonly module: string; readonly name: string; readonly timing: Timing }

const modules = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .toSorted()

const measureModule = async (module: string, filter: string, rounds: number): Promise<Measured[]> => {
  const loaded = (await import(`./micro/${module}.ts`)) as { rows?: readonly Row[] }
  if (!Array.isArray(loaded.rows)) throw new Error(`bench/micro/${module}.ts exports no rows`)
  const chosen = loaded.rows.filter(([name]) => name.includes(filter))
  if (chosen.length === 0) return []
  return [nullRow, ...chosen].map(([name, run]) => ({ module, name, timing: measure(run, rounds) }))
}

const print = (measured: readonly Measured[]): void => {
  const idle = measured[0]?.timing.medianNs ?? 0
  const rows = measured.map(({ name, timing }) => [
    name,
    timing.medianNs.toFixed(1),
    timing.minNs.toFixed(1),
    Math.max(0, timing.medianNs - idle).toFixed(1),
  ])
  const title = `bench/micro/${measured[0]?.module ?? ''}.ts`
  process.stdout.write(`${table([title, 'ns/op', 'min', 'less null'], rows)}\n\n`)
}

const save = (path: string, all: readonly Measured[]): void => {
  const summaries = all.map(({ module, name, timing }) => ({
    section: 'micro',
    case: `${module}: ${name}`,
    contender: 'weir',
    medians: { nsPerOperation: timing.medianNs },
    min: { nsPerOperation: timing.minNs },
    max: { nsPerOperation: timing.maxNs },
  }))
  const startedAt = new Date().toISOString()
  const file = { schema: 1, startedAt, machine: machine(), versions: runtimeVersions(), summaries }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(file, undefined, 1)}\n`)
}

const options = {
  filter: { type: 'string', default: '' },
  rounds: { type: 'string', default: '9' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (values.help) return void process.stdout.write(usage)
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: a whole number from 1 up`)
  const known = modules()
  const unknown = positionals.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`no module ${unknown.join(', ')} among ${known.join(', ')}`)
  pollute()
  const all: Measured[] = []
  for (const module of positionals.length > 0 ? positionals : known) {
    const measured = await measureModule(module, values.filter, rounds)
    if (measured.length > 0) print(measured)
    all.push(...measured)
  }
  if (values.json !== undefined) save(values.json, all)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  process.exitCode = 1
}
