import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { formatDiagnostic } from '../config/diagnostic.ts'
import { jsonSchema } from '../config/json-schema.ts'
import { formatReference } from '../config/reference.ts'
import { readSystem } from '../io/system-readings.ts'
import { parseCommand } from './cli.ts'
import type { Command } from './cli.ts'
import { problemsOf, Refusal } from './failure.ts'
import { helpText, usageHint } from './help.ts'
import { readWholeConfig } from './load.ts'
import type { ConfigSource } from './load.ts'
import { needsOfConfig, selfCheck } from './self-check.ts'

/** What a command may do to the world; the doors of the long-running ones. */
export type Shell = {
  readonly version: string
  readonly print: (text: string) => void
  /** To stderr. */
  readonly complain: (line: string) => void
  readonly run: (source: ConfigSource) => Promise<number>
  /** Try the laws of balancing on a policy; with a seed, or a drawn one. */
  readonly testPolicy: (subject: string, seed: number | undefined) => Promise<number>
  readonly demo: (ports: { readonly port: number; readonly adminPort: number }) => Promise<number>
}

/** Do what was typed; the exit code: 0, 1 (it failed), 2 (bad usage). */
export async function runCommand(args: readonly string[], shell: Shell): Promise<number> {
  const command: Command = parseCommand(args)
  switch (command.name) {
    case 'run':
      return shell.run(fileSource(command.config))
    case 'demo':
      return shell.demo(command)
    case 'check':
      return checkConfig(fileSource(command.config), shell)
    case 'status':
      return asked(shell, async () => (await import('./ask.ts')).status(command.cluster, command))
    case 'explain':
      return asked(shell, async () => (await import('./ask.ts')).explain(command.id, command))
    case 'policy':
      return shell.testPolicy(command.subject, command.seed)
    case 'reference':
      return printed(shell, formatReference())
    case 'schema':
      return printed(shell, `${JSON.stringify(jsonSchema(), null, 2)}\n`)
    case 'help':
      return printed(shell, helpText(command.of))
    case 'version':
      return printed(shell, `weir ${shell.version}\n`)
    case 'misuse':
      shell.complain(`weir: ${command.message}`)
      shell.complain(usageHint(command.of))
      return 2
  }
}

async function checkConfig(source: ConfigSource, shell: Shell): Promise<number> {
  const { config, diagnostics } = await readWholeConfig(source, '')
  for (const diagnostic of diagnostics) shell.print(`${formatDiagnostic(diagnostic)}\n`)
  if (config === undefined) return 1
  const isClean = diagnostics.length === 0
  if (isClean) {
    const { listeners, routes, clusters } = config
    shell.print(
      `${source.name}: ok (listeners: ${listeners.size}, routes: ${routes.length}, clusters: ${clusters.size})\n`,
    )
  }
  // Of the machine, not of the configuration: told, and no failure.
  for (const line of selfCheck(needsOfConfig(config, availableParallelism()), readSystem()))
    shell.complain(line)
  return isClean ? 0 : 1
}

/** Print what the running program answers, or say why it does not. */
async function asked(shell: Shell, ask: () => Promise<string>): Promise<number> {
  try {
    return printed(shell, await ask())
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown
    for (const line of problemsOf(thrown)) shell.complain(line)
    return 1
  }
}

function fileSource(path: string): ConfigSource {
  return { name: path, read: () => readFile(path, 'utf8'), directory: dirname(path) }
}

function printed(shell: Shell, text: string): number {
  shell.print(text)
  return 0
}
