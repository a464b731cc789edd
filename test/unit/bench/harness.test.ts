import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { haproxyConfig, nginxConfig, weirConfig } from '../../../bench/load/configs.ts'
import { BenchError } from '../../../bench/load/errors.ts'
import { parseOptions } from '../../../bench/load/options.ts'
import { cpuOf, memoryOf, openFilesLimit, processTree, statFields } from '../../../bench/load/proc.ts'
import { findTools, missingTools } from '../../../bench/load/tools.ts'
import { parseWrk, requireClean } from '../../../bench/load/wrk.ts'
import { measure, nullRow } from '../../../bench/micro/support/loop.ts'

const result =
  'result {"durationUs":1000,"requests":10,"bytes":3000,"p50Us":1,"p99Us":2,' +
  '"errors":{"connect":0,"read":0,"write":0,"status":0,"timeout":0}}'
const load = { path: '/small', method: 'GET', bodyBytes: 128, connections: 4 } as const

test('wrk output without its result line is an error that shows the output', () => {
  assert.equal(parseWrk(['Running 1s test', result]).requests, 10)
  assert.throws(() => parseWrk(['unable to connect']), /unable to connect/)
})

test('errors, no requests at all and incomplete responses each end the run', () => {
  const clean = parseWrk([result])
  requireClean('x', load, clean)
  assert.throws(() => requireClean('x', load, { ...clean, errors: { ...clean.errors, read: 3 } }), /read 3/)
  assert.throws(() => requireClean('x', load, { ...clean, requests: 0 }), /no request/)
  assert.throws(() => requireClean('x', load, { ...clean, bytes: 1279 }), /incomplete/)
})

test('options: defaults, --quick, explicit values over it, and a refusal of what makes no sense', () => {
  const full = parseOptions([])
  assert.deepEqual([full?.rounds, full?.seconds, full?.connections], [3, 5, [1, 64, 256]])
  const quick = parseOptions(['--quick', '--rounds', '2', '--only', 'small,idle'])
  assert.deepEqual([quick?.rounds, quick?.connections, quick?.only], [2, [64], ['small', 'idle']])
  assert.equal(parseOptions(['--help']), undefined)
  for (const bad of [['--only', 'smal'], ['--rounds', '0'], ['--seconds', 'x'], ['--nope']])
    assert.throws(() => parseOptions(bad), BenchError)
})

test('a command name with blanks and parentheses does not shift the fields of stat', () => {
  assert.deepEqual(statFields('7 (a) b (c) S 1 2').slice(0, 3), ['S', '1', '2'])
})

test('a process tree holds the process and its grandchildren, and its CPU and memory are counted', async () => {
  const child = spawn('/bin/sh', ['-c', 'sleep 30 & echo up; wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  try {
    await once(child.stdout, 'data')
    const pid = child.pid ?? 0
    assert.equal(processTree(pid).length, 2)
    assert.ok(processTree(process.pid).includes(pid))
    assert.ok(memoryOf([pid]).residentBytes > memoryOf([pid]).privateBytes)
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    await once(child, 'close')
  }
})

test('the two accounts of CPU agree on this process, and neither goes back', () => {
  const before = cpuOf([process.pid])
  const until = process.cpuUsage().user + 60_000
  while (process.cpuUsage().user < until);
  const after = cpuOf([process.pid])
  const exactUs = after.exactUs - before.exactUs
  const coarseUs = after.userUs + after.systemUs - before.userUs - before.systemUs
  assert.ok(exactUs >= 50_000, `${exactUs}`)
  assert.ok(Math.abs(exactUs - coarseUs) <= 0.2 * exactUs + 20_000, `${exactUs} and ${coarseUs}`)
})

test('a process that is gone has neither CPU nor memory', () => {
  assert.deepEqual(cpuOf([2 ** 30]), { exactUs: 0, userUs: 0, systemUs: 0 })
  assert.deepEqual(memoryOf([2 ** 30]), { residentBytes: 0, privateBytes: 0 })
  assert.ok(openFilesLimit() > 0)
})

test('what is missing is said together with the packages that bring it', () => {
  const none = { cc: undefined, wrk: undefined, nginx: undefined, haproxy: undefined, taskset: undefined }
  const lines = missingTools({ ...none, cc: '/usr/bin/cc', taskset: '/usr/bin/taskset' })
  assert.match(lines.at(-1) ?? '', /apt-get install wrk nginx-light haproxy$/)
  assert.deepEqual(missingTools({ cc: 'a', wrk: 'b', nginx: 'c', haproxy: 'd', taskset: 'e' }), [])
  assert.equal(Object.keys(findTools()).length, 5)
})

test('every configuration asks for the same fields, and logs only when told to', () => {
  const input = {
    port: 1234,
    backendPort: 5678,
    folder: '/tmp/x',
    logPath: undefined,
    shards: 2,
    connections: 10,
    morePorts: [],
    clusterKeys: 'policy: random',
  }
  for (const configOf of [nginxConfig, haproxyConfig]) {
    const text = configOf(input).toLowerCase()
    for (const name of ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id', 'via'])
      assert.ok(text.includes(name), `${configOf.name} ${name}`)
  }
  const logged = { ...input, logPath: '/tmp/x/access.log' }
  assert.match(nginxConfig(input), /access_log off/)
  assert.match(nginxConfig(logged), /access_log \/tmp\/x\/access\.log/)
  assert.doesNotMatch(haproxyConfig(input), /httplog/)
  assert.match(haproxyConfig(logged), /httplog/)
  assert.match(weirConfig(logged), /accessLog: "\/tmp\/x\/access\.log"/)
})

test('the micro loop charges more for more work', () => {
  const work = (i: number): number => {
    let sum = 0
    for (let at = 0; at < 2000; at++) sum += (at * i) & 255
    return sum
  }
  assert.ok(measure(work, 3).medianNs > 10 * measure(nullRow[1], 3).medianNs)
})
