/** The program's door: `node workers/main.ts --help`. Commands that start nothing load nothing of what runs. */
import { once } from 'node:events'
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import packageFile from '../package.json' with { type: 'json' }
import { say } from '../src/io/stderr.ts'

const args = process.argv.slice(2)
const isRun = args[0] === 'run'
const isDataPlane = isRun && process.env['WEIR_DATA_PLANE'] !== undefined

// Before anything that takes time: until the program listens to signals itself there is nothing to drain or to read
// again, and what they do by default would look like a crash to whoever supervises us. A data plane hears its master only: of a signal
// that went to the whole group (Ctrl-C, systemd) the master tells it.
if (isRun || args[0] === 'demo') {
  const heeded = isDataPlane ? [] : (['SIGTERM'] as const)
  for (const signal of heeded) process.on(signal, () => process.exit(0))
  const ignored = [
    'SIGHUP',
    'SIGUSR1',
    'SIGUSR2',
    ...(isDataPlane ? (['SIGTERM', 'SIGINT'] as const) : []),
  ] as const
  for (const signal of ignored) process.on(signal, () => {})
}

// A program that no longer knows its own state must not go on: whoever supervises it (systemd, a container) starts it anew.
process.on('uncaughtException', (error) => {
  say(`weir: uncaught exception in main: ${error.stack ?? error.message}`)
  process.exit(1)
})

// A reader that has had enough (`weir reference | head`) is no failure of ours.
const ignore = (): void => {}
process.stdout.on('error', ignore)

// Types are stripped and code compiled once, not by every thread of every start: 0.45 s to ready instead of 0.75, 45 MB less. Threads
// learn of it through the environment; where the folder cannot be written there is no cache.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../node_modules/.cache/weir', import.meta.url))
enableCompileCache(process.env['NODE_COMPILE_CACHE'])
const exitCode = isRun && !isDataPlane ? await master() : await command()
const { stdout } = process
if (stdout.writable && stdout.writableLength > 0) await once(stdout, 'drain').catch(ignore)
process.exit(exitCode)

/** The master itself understands what was typed, and no more: what is wrong or asked for is told like that of every other command. */
async function master(): Promise<number> {
  const { parseCommand } = await import('../src/control/cli.ts')
  const typed = parseCommand(args)
  if (typed.name !== 'run') return command()
  return (await import('./master.ts')).runMaster(args, typed.config)
}

async function command(): Promise<number> {
  const { runCommand } = await import('../src/control/commands.ts')
  return runCommand(args, {
    version: packageFile.version,
    print: (text) => void process.stdout.write(text),
    complain: say,
    run: async (source) => (await import('./program.ts')).runDataPlane(source),
    testPolicy: async (subject, seed) => {
      const { testPolicy } = await import('../src/control/policy-trial.ts')
      const lab = new URL('./lab.ts', import.meta.url)
      const print = (text: string): void => void process.stdout.write(text)
      return testPolicy({ subject, seed, lab, print, complain: say })
    },
    demo: async (ports) => (await import('./program.ts')).demo(ports),
  })
}
