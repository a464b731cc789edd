import { parseArgs } from 'node:util'
import { BenchError } from './errors.ts'
import { sectionNames } from './results.ts'
import type { SectionName } from './results.ts'

export type Options = {
  readonly only: readonly SectionName[]
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: readonly number[]
  readonly idleConnections: number
  readonly pin: boolean
  readonly json: string | undefined
  readonly weirCommand: string | undefined
  readonly without: readonly string[]
}

export const usage: string = `usage: npm run bench -- [options]

  --only LIST           sections out of ${sectionNames.join(',')} (default: all)
  --rounds N            alternating rounds; medians are quoted (3)
  --seconds N           length of one measurement (5)
  --warm-up N           seconds of load before each measurement (1)
  --connections LIST    keep-alive connections for small GETs (1,64,256)
  --idle-connections N  connections held in the idle section (10000)
  --quick               1 round of 2 s at 64 connections: does everything work, not what does it cost
  --pin                 proxy on the last core, everything else on the others (off: bench/README.md says why)
  --without LIST        leave contenders out: weir,nginx,haproxy,floor
  --weir-command CMD    how to start weir; {config}, {port}, {backend} and {shards} are filled in
                        (default: node_modules/.bin/node workers/main.ts run -c {config})
  --json FILE           where the figures go (bench/results/<time>.json)
`

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

const number = (name: string, text: string, least: number): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value < least)
    throw new BenchError(`--${name} ${text}: a number from ${least} up`)
  return value
}

const oneOf = <T extends string>(name: string, text: string, allowed: readonly T[]): T[] =>
  list(text).map((part) => {
    const found = allowed.find((candidate) => candidate === part)
    if (!found) throw new BenchError(`--${name} ${part}: one of ${allowed.join(', ')}`)
    return found
  })

const spec = {
  only: { type: 'string', default: sectionNames.join(',') },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string', default: '1' },
  connections: { type: 'string' },
  'idle-connections': { type: 'string', default: '10000' },
  quick: { type: 'boolean', default: false },
  pin: { type: 'boolean', default: false },
  'weir-command': { type: 'string' },
  without: { type: 'string', default: '' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const parse = (argv: readonly string[]) => {
  try {
    return parseArgs({ args: [...argv], options: spec, allowNegative: true }).values
  } catch (error) {
    throw new BenchError(error instanceof Error ? error.message : String(error))
  }
}

/** undefined when only help was asked for. */
export const parseOptions = (argv: readonly string[]): Options | undefined => {
  const values = parse(argv)
  if (values.help) return undefined
  const quick = values.quick
  const connections = list(values.connections ?? (quick ? '64' : '1,64,256'))
  return {
    only: oneOf('only', values.only, sectionNames),
    rounds: Math.round(number('rounds', values.rounds ?? (quick ? '1' : '3'), 1)),
    seconds: Math.round(number('seconds', values.seconds ?? (quick ? '2' : '5'), 1)),
    warmUpSeconds: Math.round(number('warm-up', values['warm-up'], 0)),
    connections: connections.map((text) => Math.round(number('connections', text, 1))),
    idleConnections: Math.round(number('idle-connections', values['idle-connections'], 1)),
    pin: values.pin,
    json: values.json,
    weirCommand: values['weir-command'],
    without: oneOf('without', values.without, ['weir', 'nginx', 'haproxy', 'floor']),
  }
}
