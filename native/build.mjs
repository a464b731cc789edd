// Builds the native engine with the headers of the pinned runtime (npm's `install` script, so `npm ci` runs it).
// Plain JavaScript: the system's Node, which may be too old for TypeScript, runs this.
//
//   node native/build.mjs [--sanitize=address,undefined]
//
// Nothing is downloaded: the headers come with the npm package that pins the runtime. Rebuilds only what an earlier build
// did not make from the same sources, flags and runtime.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)
const sanitize = process.argv.find((word) => word.startsWith('--sanitize='))?.slice('--sanitize='.length)

function fail(message) {
  console.error(`weir: cannot build the native engine: ${message}`)
  process.exit(1)
}

function runtimeHeaders() {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    fail(`it runs on Linux x64 and arm64, this is ${process.platform} ${process.arch}`)
  }
  try {
    return dirname(require.resolve(`node-linux-${process.arch}/package.json`))
  } catch {
    return fail(
      `the package node-linux-${process.arch} is not installed (npm must not omit optional dependencies)`,
    )
  }
}

function requireTools() {
  const packages = { 'g++': 'g++', make: 'make', python3: 'python3' }
  const missing = Object.keys(packages).filter((tool) => spawnSync(tool, ['--version']).status !== 0)
  if (missing.length === 0) return
  const list = missing.map((tool) => packages[tool]).join(' ')
  fail(`${missing.join(', ')} not found. On Debian and Ubuntu: sudo apt-get install ${list}`)
}

function sourceFiles() {
  return readdirSync(here)
    .filter((file) => /\.(cc|h|gyp)$/.test(file))
    .sort()
}

/** Everything the result depends on. */
function fingerprint(nodedir, flags) {
  const hash = createHash('sha256')
  const add = (text) => hash.update(`${text.length}:`).update(text)
  for (const file of [...sourceFiles(), 'build.mjs']) add(file + readFileSync(join(here, file), 'utf8'))
  add(readFileSync(join(nodedir, 'package.json'), 'utf8'))
  add(spawnSync('g++', ['--version'], { encoding: 'utf8' }).stdout)
  for (const name of ['CC', 'CXX', 'CFLAGS', 'CXXFLAGS', 'CPPFLAGS', 'LDFLAGS'])
    add(`${name}=${process.env[name] ?? ''}`)
  add(flags.join(' '))
  return hash.digest('hex')
}

/** node-gyp builds in `build` of the folder it is given: the sanitizers' build gets a folder and copies of its own. */
function sanitizedSources() {
  const folder = join(here, 'build-asan')
  mkdirSync(folder, { recursive: true })
  for (const file of sourceFiles()) copyFileSync(join(here, file), join(folder, file))
  return folder
}

function compile(folder, nodedir, defines) {
  const gyp = require.resolve('node-gyp/bin/node-gyp.js')
  const runtime = join(nodedir, 'bin', 'node')
  const words = [
    gyp,
    'rebuild',
    '-C',
    folder,
    `--nodedir=${nodedir}`,
    '--loglevel=warn',
    '--jobs=max',
    '--',
    ...defines,
  ]
  const done = spawnSync(existsSync(runtime) ? runtime : process.execPath, words, { stdio: 'inherit' })
  if (done.status !== 0) fail('the compiler failed (its messages are above)')
}

function build() {
  const nodedir = runtimeHeaders()
  requireTools()
  const version = JSON.parse(readFileSync(join(here, '..', 'package.json'), 'utf8')).version
  const defines = [`-Dweir_version=${version}`, ...(sanitize ? [`-Dweir_sanitize=${sanitize}`] : [])]
  const folder = sanitize ? sanitizedSources() : here
  const mark = fingerprint(nodedir, defines)
  const markFile = join(folder, 'build', 'fingerprint')
  const built = existsSync(join(folder, 'build', 'Release', 'engine.node')) && existsSync(markFile)
  if (built && readFileSync(markFile, 'utf8') === mark) return
  compile(folder, nodedir, defines)
  writeFileSync(markFile, mark)
}

build()
