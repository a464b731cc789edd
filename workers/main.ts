/** The program's door: `node workers/main.ts --help`. Commands that start nothing load nothing of what runs. */
import { once } from 'node:events'
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import packageFile from '../package.json' with { type: 'json' }
import { say } from '../src/io/stderr.ts'

const args = process.argv.slice(2)

// Before anything that takes time: until the program listens to signals itself (`program.ts`) there is nothing to drain or to read
// again, and what they do by default would look like a crash to whoever supervises us.
if (args[0] === 'run' || args[0] === 'demo') {
  process.on('SIGTERM', () => process.exit(0))
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})
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
const { runCommand } = await import('../src/control/commands.ts')

const exitCode = await runCommand(args, {
  version: packageFile.version,
  print: (text) => void process.stdout.write(text),
  complain: say,
  run: async (source) => (await import('./program.ts')).run(source),
  testPolicy: async (subject, seed) => {
    const { testPolicy } = await import('../src/control/policy-trial.ts')
    const lab = new URL('./lab.ts', import.meta.url)
    const print = (text: string): void => void process.stdout.write(text)
    return testPolicy({ subject, seed, lab, print, complain: say })
  },
  demo: async (ports) => (await import('./program.ts')).demo(ports),
})
const { stdout } = process
if (stdout.writable && stdout.writableLength > 0) await once(stdout, 'drain').catch(ignore)
process.exit(exitCode)
