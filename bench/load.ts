import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { cleanUpOnExit, stopAll } from './load/children.ts'
import { BenchError } from './load/errors.ts'
import { parseOptions, usage } from './load/options.ts'
import type { Options } from './load/options.ts'
import { report } from './load/report.ts'
import type { ResultFile, SectionName } from './load/results.ts'
import { buildRig } from './load/rig.ts'
import type { Rig } from './load/rig.ts'
import { sections } from './load/sections.ts'
import { summarise } from './load/stats.ts'
import { findTools, machine, missingTools, versions } from './load/tools.ts'
import type { Tools } from './load/tools.ts'
import { verdictsOf } from './load/verdicts.ts'

/** weir against nginx, HAProxy and the floor relay, in one run. What is measured and why so: bench/README.md. */

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const sectionsToRun = (options: Options, tools: Tools): readonly SectionName[] =>
  tools.wrk === undefined ? options.only.filter((name) => name === 'idle') : options.only

const announce = (options: Options, tools: Tools, rig: Rig): void => {
  for (const line of missingTools(tools)) say(line)
  if (!rig.contenders.includes('weir') && !options.without.includes('weir'))
    say('weir itself is missing: there is no workers/main.ts and no --weir-command was given')
  for (const [name, version] of Object.entries(versions(tools))) say(`${name}: ${version}`)
  say(`contenders: ${rig.contenders.join(', ')}; ${options.rounds} rounds of ${options.seconds} s\n`)
}

const conclude = (options: Options, tools: Tools, rig: Rig, startedAt: string): void => {
  const summaries = summarise(rig.samples)
  const verdicts = verdictsOf(rig.samples, summaries)
  const file: ResultFile = {
    schema: 1,
    startedAt,
    machine: machine(),
    versions: versions(tools),
    options,
    warnings: rig.warnings,
    samples: rig.samples,
    summaries,
    verdicts,
  }
  const path = options.json ?? join(import.meta.dirname, 'results', `${startedAt.replaceAll(':', '-')}.json`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(file, undefined, 1)}\n`)
  say(`\n${report(rig.samples, summaries, verdicts)}\n`)
  for (const warning of rig.warnings) say(`warning: ${warning}`)
  say(`figures: ${relative(process.cwd(), path)}`)
}

/** A section that cannot be finished costs its own figures, not those of the others; the exit status tells. */
const runSection = async (name: SectionName, rig: Rig): Promise<void> => {
  try {
    await sections[name](rig)
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    rig.warn(`section ${name} was aborted: ${error.message}`)
    process.stderr.write(`bench: section ${name} was aborted: ${error.message}\n`)
    process.exitCode = 1
    await stopAll(rig.backendPid)
  }
}

const main = async (): Promise<void> => {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) return say(usage)
  const tools = findTools()
  if (tools.cc === undefined) throw new BenchError(missingTools(tools).join('\n'))
  const chosen = sectionsToRun(options, tools)
  if (chosen.length === 0) throw new BenchError(`nothing can be measured\n${missingTools(tools).join('\n')}`)
  const startedAt = new Date().toISOString()
  const rig = await buildRig(options, tools)
  announce(options, tools, rig)
  for (const name of chosen) await runSection(name, rig)
  await stopAll()
  conclude(options, tools, rig, startedAt)
}

cleanUpOnExit()
try {
  await main()
} catch (error) {
  process.stderr.write(
    error instanceof BenchError ? `bench: ${error.message}\n` : `bench: ${(error as Error).stack}\n`,
  )
  process.exitCode = 1
}
process.exit()
