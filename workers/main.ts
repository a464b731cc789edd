/** The program's door: `node workers/main.ts --help`. Commands that start nothing load nothing of what runs. */
import { once } from 'node:events'
import packageFile from '../package.json' with { type: 'json' }
import { runCommand } from '../src/control/commands.ts'
import { say } from '../src/io/stderr.ts'

// A program that no longer knows its own state must not go on: whoever supervises it (systemd, a container) starts it anew.
process.on('uncaughtException', (error) => {
  say(`weir: uncaught exception in main: ${error.stack ?? error.message}`)
  process.exit(1)
})

const exitCode = await runCommand(process.argv.slice(2), {
  version: packageFile.version,
  print: (text) => void process.stdout.write(text),
  complain: say,
  run: async (source) => (await import('./program.ts')).run(source),
  demo: async (ports) => (await import('./program.ts')).demo(ports),
})
if (process.stdout.writableLength > 0) await once(process.stdout, 'drain')
process.exit(exitCode)
