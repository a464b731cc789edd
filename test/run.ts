import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runFile, running, signalGroup } from './support/runner/file.ts'
import type { Limits, Ran } from './support/runner/file.ts'

/**
 * The test runner: `node test/run.ts [--kind test|soak|fuzz] [--seed n] [--seconds n] [--jobs n] [part of a path]…`
 * One process per file, so that a crash, a hang or a leak is one file's failure and is named. The last line is the count.
 * Every process gets WEIR_SEED (random unless given) and, for soak and fuzz, WEIR_SECONDS.
 */
const KINDS = {
  test: ['test/**/*.test.ts', 'properties/**/*.test.ts'],
  soak: ['test/soak/**/*.soak.ts'],
  fuzz: ['properties/**/*.fuzz.ts'],
} as const
type Kind = keyof typeof KINDS

const USAGE =
  'usage: node test/run.ts [--kind test|soak|fuzz] [--seed n] [--seconds n] [--jobs n] [part of a path]…'

/** They wait for deadlines of the real clock nearly all the time (a tenth of it is work): one after the other in a lane of their own, beside the jobs. */
const WAITING: readonly string[] = [
  'test/integration/engine-contract.test.ts',
  'test/integration/proxy-timeouts.test.ts',
  'test/integration/engine-output.test.ts',
  'test/unit/io/http-door.test.ts',
  'test/unit/io/log-file.test.ts',
]

type Plan = { files: string[]; kind: Kind; seed: number; seconds: number; jobs: number }

function planOf(argv: string[]): Plan {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      kind: { type: 'string', default: 'test' },
      seed: { type: 'string', default: process.env['WEIR_SEED'] ?? '' },
      seconds: { type: 'string', default: process.env['WEIR_SECONDS'] ?? '60' },
      jobs: { type: 'string', default: '' },
    },
  })
  if (!(values.kind in KINDS)) throw new Error(`unknown kind ${values.kind}`)
  const kind = values.kind as Kind
  const wanted = (file: string): boolean =>
    positionals.length === 0 || positionals.some((part) => file.includes(part))
  return {
    kind,
    files: KINDS[kind]
      .flatMap((pattern) => globSync(pattern))
      .filter(wanted)
      .sort(bySlowness),
    seed: values.seed === '' ? Math.floor(Math.random() * 2 ** 31) : natural('seed', values.seed),
    seconds: natural('seconds', values.seconds),
    // Soaks share the machine with nobody: their laws are about time and memory.
    jobs: values.jobs !== '' ? natural('jobs', values.jobs) : kind === 'soak' ? 1 : availableParallelism(),
  }
}

function natural(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} wants a whole number, not ${text}`)
  return Number(text)
}

/** Folders known to be slow first, so that none of them is what everybody waits for at the end. */
function bySlowness(a: string, b: string): number {
  const rank = (file: string): number => {
    const at = ['test/fault', 'test/integration', 'properties', 'test/house'].findIndex((part) =>
      file.startsWith(part),
    )
    return at === -1 ? 4 : at
  }
  return rank(a) - rank(b) || (a < b ? -1 : 1)
}

function limitsOf({ kind, seconds }: Plan): Limits {
  const testMs = kind === 'test' ? 60_000 : (seconds + 60) * 1000
  return { testMs, silentMs: testMs + 15_000, lingerMs: 5000, partingMs: 10_000 }
}

async function runAll(plan: Plan): Promise<Ran[]> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    WEIR_SEED: String(plan.seed),
    NODE_COMPILE_CACHE: resolve('.tmp/compile-cache'),
  }
  if (plan.kind !== 'test') env['WEIR_SECONDS'] = String(plan.seconds)
  const limits = limitsOf(plan)
  const isWaiting = (file: string): boolean => plan.jobs > 1 && WAITING.includes(file)
  const waiting = plan.files.filter(isWaiting).values()
  const queue = plan.files.filter((file) => !isWaiting(file)).values()
  const done: Ran[] = []
  const work = async (lane: Iterable<string>): Promise<void> => {
    for (const file of lane) {
      const ran = await runFile(file, limits, env)
      done.push(ran)
      // A soak is run for its figures, too.
      report(ran, plan.kind === 'soak')
    }
  }
  const lanes = [waiting, ...Array.from({ length: plan.jobs }, () => queue)]
  await Promise.all(lanes.map(work))
  return done
}

function report(ran: Ran, talks: boolean): void {
  const counts = `${ran.passed + ran.failed} tests, ${(ran.ms / 1000).toFixed(2)} s`
  console.log(`${ran.failed === 0 ? 'ok  ' : 'FAIL'} ${ran.file} (${counts})`)
  for (const failure of ran.failures) console.log(indent(`✗ ${failure}`))
  if ((talks || ran.failed > 0) && ran.output !== '') console.log(indent(`output:\n${ran.output}`))
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '     ')
}

function summarise(plan: Plan, ran: readonly Ran[], startedMs: number): boolean {
  const sum = (count: 'passed' | 'failed' | 'skipped'): number =>
    ran.reduce((total, file) => total + file[count], 0)
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')]
  const bad = ran.filter((file) => file.failed > 0).map((file) => file.file)
  if (bad.length > 0) {
    console.log(
      `\nfailed: ${bad.join(' ')}\nagain:  WEIR_SEED=${plan.seed} npm ${plan.kind === 'test' ? '' : 'run '}${plan.kind} -- ${bad.join(' ')}`,
    )
  }
  if (plan.files.length === 0) console.log(`no ${plan.kind} file matches`)
  console.log(
    `\n${ran.length} files in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, seed ${plan.seed}`,
  )
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed === 0 && passed > 0
}

function interrupt(signal: NodeJS.Signals): void {
  for (const pid of running) signalGroup(pid, 'SIGKILL')
  process.exit(signal === 'SIGINT' ? 130 : 143)
}

process.once('SIGINT', interrupt)
process.once('SIGTERM', interrupt)
process.chdir(new URL('..', import.meta.url).pathname)

/** Types are stripped, and tests timed, by the runtime the lock file pins: another one would prove something else. */
function requirePinnedNode(): void {
  const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  const pinned = optionalDependencies[`node-linux-${process.arch}`]
  if (process.version !== `v${pinned}`) {
    throw new Error(
      `this is node ${process.version}, weir runs on v${pinned}: npm ci, then run it through npm`,
    )
  }
}

let planned: Plan
try {
  requirePinnedNode()
  planned = planOf(process.argv.slice(2))
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`)
  process.exit(2)
}
const startedMs = performance.now()
console.log(
  `node ${process.version}, ${planned.files.length} ${planned.kind} files, ${planned.jobs} at a time, seed ${planned.seed}`,
)
process.exitCode = summarise(planned, await runAll(planned), startedMs) ? 0 : 1
