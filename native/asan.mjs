// Builds the engine with AddressSanitizer and UndefinedBehaviorSanitizer and runs the engine's tests on it:
//
//   node native/asan.mjs [test file…]
//
// The runtime itself is not instrumented, so the sanitizer's library is preloaded, and leaks are not looked for (the
// runtime leaves its own at exit). A report ends the process that made it, and with it the test.
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const runtime = join(
  dirname(createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`)),
  'bin',
  'node',
)
const build = spawnSync(process.execPath, [join(here, 'build.mjs'), '--sanitize=address,undefined'], {
  stdio: 'inherit',
})
if (build.status !== 0) process.exit(1)

const library = (name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim()
const given = process.argv.slice(2)
const files = given.length > 0 ? given : globSync('test/integration/engine*.test.ts', { cwd: root })
const tests = spawnSync(runtime, ['--test', '--test-concurrency=1', '--test-timeout=120000', ...files], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    WEIR_ENGINE: join(here, 'build-asan', 'build', 'Release', 'engine.node'),
    LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:handle_segv=1:allow_user_segv_handler=1',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:abort_on_error=1',
  },
})
process.exit(tests.status ?? 1)
