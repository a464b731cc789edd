import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import packageFile from '../../package.json' with { type: 'json' }
import { dataPlanePid, startWeir, weir } from '../support/weir.ts'

async function configFile(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-cli-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'weir.yaml')
  await writeFile(path, text)
  return path
}

test('--version and --help', async () => {
  assert.deepEqual(await weir('--version'), { code: 0, stdout: `weir ${packageFile.version}\n`, stderr: '' })
  const help = await weir('--help')
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^usage: weir <command>/m)
  const run = await weir('run', '--help')
  assert.equal(run.code, 0)
  assert.match(run.stdout, /SIGHUP/)
})

test('bad usage: exit 2, what is wrong on stderr', async () => {
  const finished = await weir('run', '--confg', 'x')
  assert.equal(finished.code, 2)
  assert.match(finished.stderr, /unknown option --confg; did you mean "--config"/)
  assert.equal(finished.stdout, '')
})

test('check prints every diagnostic as file:line:column: message and exits 1; 0 for a good file', async (t) => {
  const bad = await configFile(
    t,
    'listners: {}\nlisteners: { web: { bind: 127.0.0.1 } }\nroutes: [{ cluster: none }]\nclusters: {}\n',
  )
  const finished = await weir('check', '-c', bad)
  assert.equal(finished.code, 1)
  const lines = finished.stdout.trim().split('\n')
  assert.ok(lines.length >= 3, finished.stdout)
  for (const line of lines) assert.match(line, /^.*weir\.yaml:\d+:\d+: \S/)
  const good = await configFile(
    t,
    'listeners: { web: { bind: 127.0.0.1:0 } }\nroutes: [{ cluster: web }]\nclusters: { web: { endpoints: [127.0.0.1:9] } }\n',
  )
  const passed = await weir('check', '-c', good)
  assert.equal(passed.code, 0, passed.stdout)
  assert.match(passed.stdout, /ok/)
})

test('run refuses a bad or missing configuration with all diagnostics on stderr, exit 1', async (t) => {
  const bad = await configFile(t, 'listeners: { web: { bind: 127.0.0.1:0, bakclog: 1 } }\nclusterz: {}\n')
  const finished = await weir('run', '-c', bad)
  assert.equal(finished.code, 1)
  assert.match(finished.stderr, /weir\.yaml:1:\d+: .*bakclog.*did you mean "backlog"/)
  assert.match(finished.stderr, /weir\.yaml:2:1: .*clusterz/)
  assert.doesNotMatch(finished.stderr, /ready/)
  const missing = await weir('run', '-c', `${bad}.none`)
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /weir\.yaml\.none:1:1: no such file; name another with -c/)
})

test('a port that is taken: the listener, the address and the holder are named, exit 1', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1')
  t.after(() => squatter.close())
  await once(squatter, 'listening')
  const { port } = squatter.address() as AddressInfo
  const text = (web: number, admin: number): string =>
    `admin: { bind: 127.0.0.1:${admin} }\nlisteners: { web: { bind: 127.0.0.1:${web} } }\nclusters: {}\n`
  for (const [who, config] of [
    ['listener web', text(port, 0)],
    ['admin', text(0, port)],
  ] as const) {
    const finished = await weir('run', '-c', await configFile(t, config))
    assert.equal(finished.code, 1, finished.stderr)
    const expected = `weir: ${who}: 127.0.0.1:${port} is taken by `
    assert.ok(finished.stderr.includes(expected), finished.stderr)
    assert.ok(finished.stderr.includes(`(pid ${process.pid})`), finished.stderr)
    assert.doesNotMatch(finished.stderr, /unexpectedly/)
  }
})

test('of a port that another weir has, it is said which: ps tells them apart by their configurations, too', async (t) => {
  const running = await startWeir(t, 'listeners: { web: { bind: 127.0.0.1:0 } }\nclusters: {}\n')
  const folder = dirname(running.configPath)
  const titleOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', '')
  const master = `weir: master weir.yaml (${folder})`
  assert.equal(titleOf(running.process.pid ?? 0), master)
  assert.equal(titleOf(dataPlanePid(running)), `weir: data plane weir.yaml (${folder})`)
  const web = running.addresses().get('web') ?? ''
  const other = await weir(
    'run',
    '-c',
    await configFile(t, `listeners: { web: { bind: "${web}" } }\nclusters: {}\n`),
  )
  assert.equal(other.code, 1)
  const holders = [`${master} (pid ${running.process.pid})`, `weir: data plane weir.yaml (${folder}) (pid `]
  assert.ok(
    holders.some((holder) => other.stderr.includes(`${web} is taken by ${holder}`)),
    other.stderr,
  )
})

test('a unix path that is no socket: it is said what it is, and it is left alone', async (t) => {
  const file = await configFile(t, 'precious\n')
  const folder = dirname(file)
  const text = (web: string, admin: string): string =>
    `admin: { bind: "${admin}" }\nlisteners: { web: { bind: "${web}" } }\nclusters: {}\n`
  const cases = [
    ['listener web', 'a regular file', file, text(`unix:${file}`, '127.0.0.1:0')],
    ['listener web', 'a directory', folder, text(`unix:${folder}`, '127.0.0.1:0')],
    ['admin', 'a regular file', file, text('127.0.0.1:0', `unix:${file}`)],
    ['admin', 'a directory', folder, text('127.0.0.1:0', `unix:${folder}`)],
  ] as const
  for (const [who, kind, path, config] of cases) {
    const finished = await weir('run', '-c', await configFile(t, config))
    assert.equal(finished.code, 1, finished.stderr)
    const expected = `weir: ${who}: unix:${path} is ${kind}, not a socket\n`
    assert.ok(finished.stderr.includes(expected), finished.stderr)
    assert.doesNotMatch(finished.stderr, /unexpectedly/)
    assert.equal(await readFile(file, 'utf8'), 'precious\n')
  }
})

test('reference and schema come out of the schema', async () => {
  const reference = await weir('reference')
  assert.equal(reference.code, 0)
  assert.match(reference.stdout, /requestHead/)
  const schema = await weir('schema')
  assert.equal(schema.code, 0)
  assert.match((JSON.parse(schema.stdout) as { $schema: string }).$schema, /json-schema\.org/)
})

test('the launcher runs the pinned node through a link, from anywhere, with nothing but sh on PATH', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-bin-'))
  t.after(() => rm(folder, { recursive: true }))
  const link = join(folder, 'weir')
  await symlink(fileURLToPath(new URL('../../workers/weir', import.meta.url)), link)
  const env = { PATH: '/usr/bin:/bin' }
  const { stdout } = await promisify(execFile)(link, ['--version'], { cwd: '/', env })
  assert.equal(stdout, `weir ${packageFile.version}\n`)
})

test('check of a file that only warns exits 1, as its help says', async (t) => {
  const path = await configFile(
    t,
    'listeners: { web: { bind: 127.0.0.1:8080 } }\nroutes: [{ cluster: a }]\nclusters: { a: { endpoints: [] } }\n',
  )
  const finished = await weir('check', '-c', path)
  assert.match(finished.stdout, /warning: .*no endpoints/)
  assert.equal(finished.code, 1)
  assert.match((await weir('check', '--help')).stdout, /Exit 0 if there is none, 1 if there is any/)
})

test('a reader that has gone changes nothing: no word, and the exit code is that of the command', async (t) => {
  const bad = await configFile(t, 'a: 1\nb: 2\nc: 3\n') // several writes
  const path = fileURLToPath(new URL('../../workers/weir', import.meta.url))
  for (const [args, code] of [
    [['reference'], 0],
    [['schema'], 0],
    [['check', '-c', bad], 1],
  ] as const) {
    const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    await once(child, 'close')
    assert.deepEqual({ code: child.exitCode, stderr }, { code, stderr: '' }, args.join(' '))
  }
})
