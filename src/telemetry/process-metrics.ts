import type { MetricFamily, MetricType } from './exposition.ts'

/** Facts about the program, read by whoever may touch the world. */
export type ProcessFacts = {
  readonly version: string
  readonly runtime: string
  readonly cpuUserSeconds: number
  readonly cpuSystemSeconds: number
  readonly residentBytes: number
  readonly openFds: number
  readonly maxFds: number
}

export const processFamilies = (facts: ProcessFacts): MetricFamily[] => {
  const one = (name: string, type: MetricType, help: string, value: number): MetricFamily => ({
    name,
    type,
    help,
    samples: [{ value }],
  })
  return [
    {
      name: 'weir_build_info',
      type: 'gauge',
      help: 'Always 1; the labels tell what runs.',
      samples: [{ labels: { version: facts.version, runtime: facts.runtime }, value: 1 }],
    },
    {
      name: 'weir_process_cpu_seconds_total',
      type: 'counter',
      help: 'Processor time used.',
      samples: [
        { labels: { mode: 'user' }, value: facts.cpuUserSeconds },
        { labels: { mode: 'system' }, value: facts.cpuSystemSeconds },
      ],
    },
    one('weir_process_resident_memory_bytes', 'gauge', 'Resident memory.', facts.residentBytes),
    one('weir_process_open_fds', 'gauge', 'Descriptors open.', facts.openFds),
    one('weir_process_max_fds', 'gauge', 'Descriptors allowed.', facts.maxFds),
  ]
}
