import { readFileSync } from 'node:fs'
import { release, totalmem } from 'node:os'
import { dirname, join } from 'node:path'

/** What the kernel allows us; undefined where it does not say. */
export type SystemReadings = {
  /** `6.1.0-18-amd64` */
  readonly kernel: string
  /** File descriptors of this process at most; `hard` is as far as it may raise that itself. */
  readonly fds: { readonly soft: number; readonly hard: number } | undefined
  readonly somaxconn: number | undefined
  /** Local ports of outgoing connections, both ends included. */
  readonly ports: { readonly first: number; readonly last: number } | undefined
  /** 0 off, 1 on, 2 for loopback only. */
  readonly twReuse: number | undefined
  readonly memoryBytes: number
  /** Least limit of the control groups that this process is in; undefined: none. */
  readonly groupBytes: number | undefined
  readonly wallMs: number
  readonly clockSource: string | undefined
}

/** Where the files are; another root for tests. */
export function readSystem(root = '/'): SystemReadings {
  const at = (path: string): string | undefined => textOf(join(root, path))
  const [first, last] = numbersOf(at('proc/sys/net/ipv4/ip_local_port_range'))
  return {
    kernel: release(),
    fds: fdsOf(at('proc/self/limits')),
    somaxconn: numbersOf(at('proc/sys/net/core/somaxconn'))[0],
    ports: first === undefined || last === undefined ? undefined : { first, last },
    twReuse: numbersOf(at('proc/sys/net/ipv4/tcp_tw_reuse'))[0],
    memoryBytes: totalmem(),
    groupBytes: groupBytesOf(at('proc/self/cgroup') ?? '', at),
    wallMs: Date.now(),
    clockSource: at('sys/devices/system/clocksource/clocksource0/current_clocksource')?.trim(),
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function numbersOf(text: string | undefined): readonly number[] {
  return (text?.match(/\d+/g) ?? []).map(Number)
}

function fdsOf(limits: string | undefined): SystemReadings['fds'] {
  const [, soft, hard] = /^Max open files +(\w+) +(\w+)/m.exec(limits ?? '') ?? []
  if (soft === undefined || hard === undefined) return undefined
  const count = (text: string): number => (text === 'unlimited' ? Infinity : Number(text))
  return { soft: count(soft), hard: count(hard) }
}

/** Limits hold for groups within groups, so those of all above count; in a container the group is often mounted as the root. */
function groupBytesOf(groups: string, at: (path: string) => string | undefined): number | undefined {
  const limits: number[] = []
  for (const line of groups.split('\n')) {
    const [id, controllers = '', ...rest] = line.split(':')
    const isUnified = id === '0' && controllers === ''
    if (!isUnified && !controllers.split(',').includes('memory')) continue
    const [base, file] = isUnified
      ? ['sys/fs/cgroup', 'memory.max']
      : ['sys/fs/cgroup/memory', 'memory.limit_in_bytes']
    for (let group = rest.join(':'); ; group = dirname(group)) {
      const limit = numbersOf(at(join(base, group, file)))[0]
      // v1 says a number near 2⁶³ where there is no limit.
      if (limit !== undefined && limit < 2 ** 60) limits.push(limit)
      if (group === '/' || group === '.' || group === '') break
    }
  }
  return limits.length === 0 ? undefined : Math.min(...limits)
}
