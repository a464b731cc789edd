/** What of this machine is too low for what is configured, in words, with the command that raises it. Pure: readings are taken in `io/system-readings.ts`. */
import type { Config } from '../config/schema/root.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { formatSize } from '../config/values/size.ts'
import type { SystemReadings } from '../io/system-readings.ts'
import { capacityOf, fdShortage } from './capacity.ts'

/** What a configuration asks of the machine. */
export type Needs = {
  readonly shards: number
  /** JavaScript objects of one shard at most, in bytes. */
  readonly heapBytes: number
  readonly listeners: readonly {
    readonly name: string
    readonly backlog: number
    /** Client connections; 0: what the process can. */
    readonly connections: number
    readonly addresses: number
  }[]
  /** Connections to one endpoint at most, by cluster; 0: no limit. */
  readonly pools: readonly { readonly cluster: string; readonly maxPerHost: number }[]
}

/** EPOLLEXCLUSIVE and classic BPF on groups of listening sockets. */
const KERNEL = [4, 5] as const
const FEW_FDS = 4096
const TABLE = 1_048_576
/** Beside the shards' heaps: native memory, buffers, the other actors. */
const BESIDE_BYTES = 256 * 1024 * 1024
const LEAST_HEAP = 64 * 1024 * 1024
/** Clocks that are read without asking the kernel, or as good as. */
const QUICK_CLOCKS =
  /^(tsc|kvm-clock|xen|hyperv_clocksource\w*|arch_sys_counter|timebase|tod|riscv_clocksource)$/
const YEAR_2025 = Date.UTC(2025)
const YEAR_2100 = Date.UTC(2100)
const FEW_PORTS = 16_384

export function needsOfSnapshot({ shards, supervision, listeners, clusters }: Snapshot): Needs {
  return {
    shards,
    heapBytes: supervision.heapBytes,
    listeners: listeners.map(({ name, backlog, limits, bind }) => ({
      name,
      backlog,
      connections: limits.connections,
      addresses: bind.length,
    })),
    pools: clusters.map(({ name, pool }) => ({ cluster: name, maxPerHost: pool.maxPerHost })),
  }
}

/** `cores`: what `shards: auto` means. */
export function needsOfConfig({ shards, supervision, listeners, clusters }: Config, cores: number): Needs {
  return {
    shards: shards === 'auto' ? cores : shards,
    heapBytes: supervision.heap,
    listeners: [...listeners].map(([name, { backlog, limits, bind }]) => ({
      name,
      backlog,
      connections: limits.connections,
      addresses: bind.length,
    })),
    pools: [...clusters].map(([cluster, { pool }]) => ({ cluster, maxPerHost: pool.maxPerHost })),
  }
}

/** One line for each thing that is too low; none where all is well. */
export function selfCheck(needs: Needs, system: SystemReadings): readonly string[] {
  return [
    ...checkKernel(system),
    ...checkFds(needs, system),
    ...checkBacklogs(needs, system),
    ...checkPorts(needs, system),
    ...checkMemory(needs, system),
    ...checkClock(system),
  ].map((line) => `weir: warning: ${line}`)
}

function checkKernel({ kernel }: SystemReadings): readonly string[] {
  const [major = NaN, minor = NaN] = kernel.split('.').map(Number.parseFloat)
  const isOld = major < KERNEL[0] || (major === KERNEL[0] && minor < KERNEL[1])
  return isOld
    ? [
        `kernel ${kernel} is older than ${KERNEL.join('.')}, from which on new connections can be dealt to shards: install a newer one (uname -r)`,
      ]
    : []
}

function checkFds({ shards, listeners }: Needs, { fds }: SystemReadings): readonly string[] {
  if (fds === undefined) return []
  const limit = Math.min(fds.hard, TABLE)
  const sockets = listeners.reduce((sum, { addresses }) => sum + addresses * shards, 0)
  const shortage = fdShortage(limit, shards, sockets)
  if (shortage !== undefined) return [shortage]
  const { maxConnections, reserve } = capacityOf(limit, shards, sockets)
  const found: string[] = []
  if (limit < FEW_FDS)
    found.push(
      `file descriptors: ${limit} at most, enough for ${maxConnections} clients: raise the hard limit: ulimit -Hn 65536, or LimitNOFILE=65536 in the unit`,
    )
  for (const { name, connections } of listeners) {
    if (connections <= maxConnections) continue
    found.push(
      `listeners.${name}.limits.connections is ${connections}, but with ${limit} file descriptors there is room for ${maxConnections} clients: ${roomFor(connections, reserve, limit)}`,
    )
  }
  return found
}

/** How to get room for so many clients, or for as many as one process holds. */
function roomFor(connections: number, reserve: number, limit: number): string {
  const wanted = 2 ** Math.ceil(Math.log2(connections * 1.5 + reserve))
  const raise = (fds: number): string =>
    `raise the hard limit: ulimit -Hn ${fds}, or LimitNOFILE=${fds} in the unit`
  if (wanted <= TABLE) return raise(wanted)
  const lower = `a process has room for ${Math.floor(((TABLE - reserve) * 2) / 3)} at most: lower it to that`
  return limit < TABLE ? `${lower}, and ${raise(TABLE)}` : lower
}

function checkBacklogs({ listeners }: Needs, { somaxconn }: SystemReadings): readonly string[] {
  if (somaxconn === undefined) return []
  const largest = listeners.reduce((most, each) => (each.backlog > most.backlog ? each : most), {
    name: '',
    backlog: 0,
  })
  return largest.backlog <= somaxconn
    ? []
    : [
        `listeners.${largest.name}.backlog is ${largest.backlog}, but the kernel keeps ${somaxconn}: sysctl -w net.core.somaxconn=${largest.backlog}`,
      ]
}

function checkPorts({ pools }: Needs, { ports, twReuse }: SystemReadings): readonly string[] {
  if (ports === undefined) return []
  const count = Math.max(0, ports.last - ports.first + 1)
  const raise = 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"'
  const found: string[] = []
  for (const { cluster, maxPerHost } of pools)
    if (maxPerHost > count)
      found.push(
        `clusters.${cluster}.pool.maxPerHost is ${maxPerHost}, but there are ${count} local ports for connections to one endpoint: ${raise}`,
      )
  if (found.length === 0 && twReuse === 0 && count < FEW_PORTS)
    found.push(
      `${count} local ports for connections to one endpoint, each of which rests for a minute after use: ${raise}, or sysctl -w net.ipv4.tcp_tw_reuse=1`,
    )
  return found
}

function checkMemory({ shards, heapBytes }: Needs, system: SystemReadings): readonly string[] {
  const { memoryBytes, groupBytes = Infinity } = system
  const limit = Math.min(memoryBytes, groupBytes)
  const wanted = shards * heapBytes + BESIDE_BYTES
  if (wanted <= limit) return []
  const [what, how] =
    groupBytes < memoryBytes
      ? [
          'the control group of this process may use',
          `raise that (MemoryMax=${megabytes(wanted)}M, docker --memory)`,
        ]
      : ['this machine has', 'add memory']
  const share = Math.floor((limit - BESIDE_BYTES) / shards / LEAST_HEAP) * LEAST_HEAP
  const or =
    share >= LEAST_HEAP ? `, or set supervision: { heap: ${formatSize(share)} }` : ', or run fewer shards'
  return [
    `${shards} shards may grow to ${formatSize(heapBytes)} of objects each, ${what} ${megabytes(limit)} MiB: the kernel would end the process before a shard is replaced for its size; ${how}${or}`,
  ]
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}

function checkClock({ wallMs, clockSource }: SystemReadings): readonly string[] {
  const found: string[] = []
  if (wallMs < YEAR_2025 || wallMs > YEAR_2100)
    found.push(
      `the clock says ${new Date(wallMs).toISOString().slice(0, 10)}: dates in responses, logs and cookies are wrong: timedatectl set-ntp true`,
    )
  if (clockSource !== undefined && clockSource !== '' && !QUICK_CLOCKS.test(clockSource))
    found.push(
      `the clock source is ${clockSource}, which is slow to read: echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource, if available_clocksource names it`,
    )
  return found
}
