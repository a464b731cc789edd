import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConfig } from '../../../src/config/parse.ts'
import { needsOfConfig, needsOfSnapshot, selfCheck } from '../../../src/control/self-check.ts'
import type { Needs } from '../../../src/control/self-check.ts'
import { readSystem } from '../../../src/io/system-readings.ts'
import type { SystemReadings } from '../../../src/io/system-readings.ts'
import { snapshotOf } from '../../support/sim-shard.ts'

const GIB = 2 ** 30

/** A usual machine: the kernel's defaults, a desktop's memory, systemd's limit of descriptors. */
const USUAL: SystemReadings = {
  kernel: '6.1.0-18-amd64',
  fds: { soft: 1024, hard: 524_288 },
  somaxconn: 4096,
  ports: { first: 32_768, last: 60_999 },
  twReuse: 2,
  memoryBytes: 16 * GIB,
  groupBytes: undefined,
  wallMs: Date.UTC(2026, 10, 22),
  clockSource: 'tsc',
}

const DEFAULTS = ((): Needs => {
  const { config } = parseConfig(
    'listeners: { web: { bind: 127.0.0.1:80 } }\nroutes: [{ cluster: a }]\nclusters: { a: { endpoints: [10.0.0.1:80] } }\n',
    'f',
  )
  assert.ok(config !== undefined)
  return needsOfConfig(config, 4)
})()

const listening = (parts: Partial<Needs['listeners'][number]>): Needs => ({
  ...DEFAULTS,
  listeners: DEFAULTS.listeners.map((each) => ({ ...each, ...parts })),
})

test('self-check: quiet on a usual machine with a configuration of defaults, and where nothing can be read', () => {
  assert.deepEqual(selfCheck(DEFAULTS, USUAL), [])
  const blind: SystemReadings = {
    ...USUAL,
    fds: undefined,
    somaxconn: undefined,
    ports: undefined,
    twReuse: undefined,
    clockSource: undefined,
  }
  assert.deepEqual(selfCheck(DEFAULTS, blind), [])
})

/** What is wrong with the machine or wanted of it, what is said of it, and the command that raises it. */
const CASES: readonly (readonly [
  name: string,
  needs: Needs,
  system: Partial<SystemReadings>,
  says: RegExp,
  how: string,
])[] = [
  ['an old kernel', DEFAULTS, { kernel: '4.4.0' }, /kernel 4\.4\.0 is older than 4\.5/, 'uname -r'],
  [
    'few descriptors',
    DEFAULTS,
    { fds: { soft: 256, hard: 1024 } },
    /1024 at most, enough for \d+ clients/,
    'LimitNOFILE=65536',
  ],
  [
    'a limit of connections that descriptors do not allow',
    listening({ connections: 400_000 }),
    {},
    /listeners\.web\.limits\.connections is 400000, .* room for \d+ clients/,
    'ulimit -Hn 1048576',
  ],
  [
    'somaxconn',
    DEFAULTS,
    { somaxconn: 128 },
    /backlog is 4096, but the kernel keeps 128/,
    'sysctl -w net.core.somaxconn=4096',
  ],
  [
    'ports',
    { ...DEFAULTS, pools: [{ cluster: 'a', maxPerHost: 30_000 }] },
    {},
    /maxPerHost is 30000, but there are 28232 local ports/,
    'sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
  ],
  [
    'ports that rest after use',
    DEFAULTS,
    { ports: { first: 50_000, last: 51_000 }, twReuse: 0 },
    /1001 local ports .* rests for a minute/,
    'tcp_tw_reuse=1',
  ],
  ['memory', DEFAULTS, { memoryBytes: 2 * GIB }, /4 shards may grow to 1GiB .* has 2048 MiB/, 'heap: 448MiB'],
  [
    'the memory of a container',
    DEFAULTS,
    { groupBytes: GIB },
    /control group .* may use 1024 MiB/,
    'MemoryMax=4352M',
  ],
  ['hardly any memory', DEFAULTS, { memoryBytes: GIB / 4 }, /256 MiB/, 'run fewer shards'],
  ['a clock of long ago', DEFAULTS, { wallMs: 0 }, /the clock says 1970-01-01/, 'timedatectl set-ntp true'],
  ['a slow clock source', DEFAULTS, { clockSource: 'hpet' }, /clock source is hpet/, 'current_clocksource'],
]

for (const [name, needs, system, says, how] of CASES) {
  test(`self-check: ${name}: one line, with the command that raises it`, () => {
    const lines = selfCheck(needs, { ...USUAL, ...system })
    assert.equal(lines.length, 1, lines.join('\n'))
    assert.match(lines[0]!, /^weir: warning: /)
    assert.match(lines[0]!, says)
    assert.ok(lines[0]!.includes(how), lines[0])
  })
}

test('self-check: a machine on which what is asked for was raised as told is quiet about it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_048_576 }),
      fc.integer({ min: 1, max: 64 }),
      fc.constantFrom(4096, 1_048_576),
      (connections, shards, hard) => {
        const asked = (clients: number): Needs => ({
          ...listening({ connections: clients }),
          shards,
          heapBytes: 1,
        })
        const [line] = selfCheck(asked(connections), { ...USUAL, fds: { soft: hard, hard } })
        if (line === undefined) return
        const told = Number(/ulimit -Hn (\d+)/.exec(line)?.[1] ?? hard)
        const lowered = Number(
          /at most: lower it to that/.test(line) ? /room for (\d+) at most/.exec(line)?.[1] : connections,
        )
        assert.deepEqual(selfCheck(asked(lowered), { ...USUAL, fds: { soft: hard, hard: told } }), [])
      },
    ),
  )
})

test('self-check: the needs of a snapshot and of its configuration are told alike', () => {
  const needs = needsOfSnapshot(snapshotOf({ endpoints: ['10.0.0.1:80'] }))
  assert.deepEqual(Object.keys(needs).toSorted(), Object.keys(DEFAULTS).toSorted())
  assert.deepEqual(
    needs.listeners.map(({ name, addresses }) => [name, addresses]),
    [['web', 1]],
  )
})

test('readings: control groups of both versions, the least limit of all above counts; what is not there is unknown', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'weir-readings-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  const bare = readSystem(root)
  assert.deepEqual(
    [bare.fds, bare.somaxconn, bare.ports, bare.groupBytes, bare.clockSource],
    [undefined, undefined, undefined, undefined, undefined],
  )
  await put(
    'proc/self/limits',
    'Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 unlimited            files     \n',
  )
  await put('proc/sys/net/ipv4/ip_local_port_range', '32768\t60999\n')
  await put('proc/self/cgroup', '4:memory:/a/b\n0::/c/d\n')
  await put('sys/fs/cgroup/memory/a/b/memory.limit_in_bytes', '9223372036854771712\n')
  await put('sys/fs/cgroup/memory/a/memory.limit_in_bytes', '3000000000\n')
  await put('sys/fs/cgroup/c/d/memory.max', 'max\n')
  await put('sys/fs/cgroup/c/memory.max', '2000000000\n')
  const full = readSystem(root)
  assert.deepEqual(full.fds, { soft: 1024, hard: Infinity })
  assert.deepEqual(full.ports, { first: 32_768, last: 60_999 })
  assert.equal(full.groupBytes, 2_000_000_000)
})

test('readings: of this machine: a kernel, its limits and a clock', () => {
  const { kernel, fds, memoryBytes, wallMs } = readSystem()
  assert.match(kernel, /^\d+\.\d+/)
  assert.ok(fds !== undefined && fds.hard >= fds.soft && fds.soft > 0)
  assert.ok(memoryBytes > 0 && wallMs > Date.UTC(2025))
})
