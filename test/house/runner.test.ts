import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runFile } from '../support/runner/file.ts'
import type { Ran } from '../support/runner/file.ts'

/** The runner is what says "passed": every way for a test file to go wrong must be seen by it. */
const limits = { testMs: 300, silentMs: 900, lingerMs: 400, partingMs: 500 }
let dir = ''

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-runner-'))
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
})
after(() => rmSync(dir, { recursive: true, force: true }))

let files = 0
function running(body: string): Promise<Ran> {
  const file = join(dir, `${files++}.test.ts`)
  writeFileSync(file, `import { describe, test } from 'node:test'\n${body}`)
  const { WEIR_TEST_EVENTS: _, ...env } = process.env
  return runFile(file, limits, env)
}

const cases: readonly {
  readonly name: string
  readonly body: string
  readonly counts: readonly [passed: number, failed: number, skipped: number]
  readonly says?: RegExp
}[] = [
  {
    name: 'tests and subtests that pass are counted, suites are not',
    body: `describe('s', () => { test('a', async t => { await t.test('b', () => {}) }) })`,
    counts: [2, 0, 0],
  },
  {
    name: 'a failing test is one failure with its error',
    body: `test('a', () => { throw new Error('broken') }); test('b', () => {})`,
    counts: [1, 1, 0],
    says: /a \(line 2\)\nError: broken/,
  },
  {
    name: 'a failing subtest does not fail its parent again',
    body: `test('a', async t => { await t.test('b', () => { throw new Error('x') }) })`,
    counts: [0, 1, 0],
  },
  {
    name: 'a skipped test is neither passed nor failed',
    body: `test('a', { skip: 'why' }, () => {}); test('b', () => {})`,
    counts: [1, 0, 1],
  },
  {
    name: 'a failing hook fails',
    body: `describe('s', () => { test.before(() => { throw new Error('hook') }); test('a', () => {}) })`,
    counts: [0, 2, 0],
    says: /hook/,
  },
  {
    name: 'a throw at the top level',
    body: `test('a', () => {}); throw new Error('top')`,
    counts: [0, 1, 0],
    says: /ended early with exit code 7/,
  },
  { name: 'a file without tests', body: ``, counts: [0, 1, 0], says: /no test was run/ },
  {
    name: 'a process.exit(0) inside of a test',
    body: `test('a', () => {}); test('b', () => process.exit(0))`,
    counts: [0, 1, 0],
    says: /exited/,
  },
  {
    name: 'a test that never settles',
    body: `test('a', () => new Promise(() => {}))`,
    counts: [0, 1, 0],
    says: /timed out/,
  },
  {
    name: 'a test that blocks the event loop',
    body: `test('a', () => { for (;;); })`,
    counts: [0, 1, 0],
    says: /hung/,
  },
  {
    name: 'a handle left open is named',
    body: `import net from 'node:net'\ntest('a', () => { net.createServer().listen(0, '127.0.0.1') })`,
    counts: [1, 1, 0],
    says: /Active: TCPServerWrap/,
  },
  {
    name: 'an error after the test ended',
    body: `test('a', () => { setTimeout(() => { throw new Error('late') }, 20) })`,
    counts: [1, 1, 0],
    says: /outside of any test.*\n.*late/,
  },
  {
    name: 'a rejection nobody handles',
    body: `test('a', () => { Promise.reject(new Error('nobody')) })`,
    counts: [1, 1, 0],
    says: /nobody/,
  },
  {
    name: 'a crash of the process names the signal and the test',
    body: `test('a', async () => { await new Promise(r => setTimeout(r, 20)); process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 100); await new Promise(() => {}) })`,
    counts: [0, 1, 0],
    says: /SIGSEGV. Unfinished: a/,
  },
  {
    name: 'a child process left running',
    body: `import { spawn } from 'node:child_process'\ntest('a', () => { spawn('sleep', ['30'], { stdio: 'inherit' }).unref() })`,
    counts: [1, 1, 0],
    says: /left processes running/,
  },
]

// Each mostly waits for a deadline of its own: together they take as long as the slowest.
test('the runner sees', { concurrency: 4 }, async (t) => {
  const checks = cases.map(({ name, body, counts, says }) =>
    t.test(name, async () => {
      const ran = await running(body)
      assert.deepEqual([ran.passed, ran.failed, ran.skipped], counts, ran.failures.join('\n') + ran.output)
      if (says !== undefined) assert.match(ran.failures.join('\n'), says)
    }),
  )
  await Promise.all(checks)
})
