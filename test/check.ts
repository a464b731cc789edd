import { spawn } from 'node:child_process'
import { delimiter, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** `npm run check`: everything that can be said about the code without running it. All of it, even when the first fails. */
const CHECKS: readonly {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}[] = [
  { name: 'types', command: 'tsc', args: ['-p', '.', '--pretty', 'false'] },
  {
    name: 'lint',
    command: 'oxlint',
    args: ['--type-aware', '--deny-warnings', '--report-unused-disable-directives', '--format=unix'],
  },
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'house', command: process.execPath, args: ['test/run.ts', 'test/house/'] },
]

type Outcome = { readonly name: string; readonly ok: boolean; readonly ms: number; readonly output: string }

const root = new URL('..', import.meta.url).pathname
const PATH = [resolve(root, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter)

function check({ name, command, args }: (typeof CHECKS)[number]): Promise<Outcome> {
  const started = performance.now()
  return new Promise((settle) => {
    let output = ''
    const end = (ok: boolean): void =>
      settle({ name, ok, ms: performance.now() - started, output: stripVTControlCharacters(output).trim() })
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, PATH, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.on('data', (chunk) => (output += String(chunk)))
    child.stderr.on('data', (chunk) => (output += String(chunk)))
    child.once('error', (error) => {
      output += `${command}: ${error.message}`
      end(false)
    })
    child.once('close', (code) => end(code === 0))
  })
}

const outcomes = await Promise.all(CHECKS.map(check))
for (const { name, ok, ms, output } of outcomes) {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${(ms / 1000).toFixed(1)} s)`)
  if (!ok) console.log(`${output.replaceAll(/^/gm, '     ')}\n`)
}
const failed = outcomes.filter(({ ok }) => !ok).map(({ name }) => name)
console.log(failed.length === 0 ? 'check: all well' : `check: ${failed.join(', ')} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
