import { globSync, readFileSync } from 'node:fs'

/** One CPU this process may run on. */
export type Cpu = {
  readonly id: number
  /** Memory node it belongs to (NUMA); 0 where there is one. */
  readonly node: number
  /** Physical core: the lowest id of the CPUs that share it. */
  readonly core: number
}

const SYSTEM = '/sys/devices/system'

/** The CPUs this process may run on, as the kernel tells; none where it does not. */
export function availableCpus(): readonly Cpu[] {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status'))?.[1] ?? ''
  const nodeOf = new Map<number, number>()
  for (const path of globSync(`${SYSTEM}/node/node[0-9]*/cpulist`)) {
    const node = Number(/node(\d+)\/cpulist$/.exec(path)?.[1])
    for (const id of parseCpuList(read(path))) nodeOf.set(id, node)
  }
  return parseCpuList(allowed).map((id) => {
    const siblings = parseCpuList(read(`${SYSTEM}/cpu/cpu${id}/topology/thread_siblings_list`))
    return { id, node: nodeOf.get(id) ?? 0, core: siblings[0] ?? id }
  })
}

/** `0-3,8` → 0, 1, 2, 3, 8. What is no such list is none. */
export function parseCpuList(list: string): readonly number[] {
  const ids = new Set<number>()
  for (const part of list.trim().split(',')) {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? []
    if (from === undefined) continue
    for (let id = Number(from); id <= Number(to); id++) ids.add(id)
  }
  return [...ids].toSorted((a, b) => a - b)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
