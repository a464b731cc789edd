import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run, start, temporaryDirectory } from './children.ts'
import { announcedPort, availableContenders, startContender } from './contenders.ts'
import type { ContenderName, Running, Variant } from './contenders.ts'
import { BenchError } from './errors.ts'
import type { Options } from './options.ts'
import type { Metrics, Sample, SectionName } from './results.ts'
import type { Tools } from './tools.ts'
import { verify } from './verify.ts'

type Command = readonly string[]

/** What a section works with: the backend, the contenders, and where its samples go. */
export type Rig = {
  readonly options: Options
  readonly cores: number
  readonly contenders: readonly ContenderName[]
  readonly wrk: string
  readonly hasWrk: boolean
  readonly holdProgram: string
  readonly backendPort: number
  readonly backendPid: number
  /** Starts another backend; its port. */
  readonly anotherBackend: () => Promise<number>
  readonly placeRest: (command: Command) => Command
  readonly samples: Sample[]
  readonly warnings: string[]
  /** Starts a contender and verifies it. */
  readonly launch: (name: ContenderName, variant: Partial<Variant>) => Promise<Running>
  readonly record: (
    section: SectionName,
    which: { case: string; contender: string; round: number },
    m: Metrics,
  ) => void
  readonly warn: (message: string) => void
  readonly noisy: (foreignShare: number) => void
}

const compile = async (cc: string, name: string): Promise<string> => {
  const program = join(temporaryDirectory(), name)
  const source = join(import.meta.dirname, `${name}.c`)
  await run('cc', [cc, '-O2', '-std=gnu11', '-Wall', '-Wextra', '-o', program, source])
  return program
}

const placer =
  (options: Options, tools: Tools, cores: number) =>
  (command: Command, where: 'proxy' | 'rest'): Command => {
    if (!options.pin || tools.taskset === undefined || cores < 2) return command
    const last = cores - 1
    return [tools.taskset, '-c', where === 'proxy' ? String(last) : `0-${last - 1}`, ...command]
  }

const recorder = (): Pick<Rig, 'samples' | 'warnings' | 'record' | 'warn' | 'noisy'> => {
  const samples: Sample[] = []
  const warnings: string[] = []
  const warn = (message: string): void => {
    if (!warnings.includes(message)) warnings.push(message)
  }
  const noise = { runs: 0, worst: 0, at: -1 }
  return {
    samples,
    warnings,
    warn,
    record: (section, which, metrics) => {
      samples.push({ section, ...which, metrics })
      process.stderr.write(progress(section, which, metrics))
    },
    noisy: (share) => {
      noise.runs++
      noise.worst = Math.max(noise.worst, share)
      if (noise.at < 0) noise.at = warnings.length
      const percent = (noise.worst * 100).toFixed(0)
      warnings[noise.at] = `others used up to ${percent} % of the machine during ${noise.runs} measurements`
    },
  }
}

const progress = (
  section: string,
  which: { case: string; contender: string; round: number },
  m: Metrics,
): string => {
  const shown = ['cpuUsPerRequest', 'cpuSecondsPerGiB', 'requestsPerSecond', 'residentBytesPerConnection']
  const values = shown.filter((name) => name in m).map((name) => `${name} ${m[name]?.toPrecision(4)}`)
  return `  ${section} · ${which.case} · ${which.contender} · round ${which.round + 1}: ${values.join(', ')}\n`
}

export const buildRig = async (options: Options, tools: Tools): Promise<Rig> => {
  if (tools.cc === undefined) throw new BenchError('no C compiler: sudo apt-get install gcc')
  const cores = availableParallelism()
  const place = placer(options, tools, cores)
  const [backendProgram, floorProgram, holdProgram] = await Promise.all(
    ['backend', 'floor', 'hold'].map((name) => compile(tools.cc ?? 'cc', name)),
  )
  if (!backendProgram || !floorProgram || !holdProgram) throw new BenchError('nothing was compiled')
  const backend = start('backend', place([backendProgram], 'rest'))
  const backendPort = await announcedPort(backend)
  const yard = { tools, options, backendPort, floorProgram, place }
  const defaults: Variant = {
    log: false,
    shards: 1,
    connections: 1024,
    pinned: options.pin,
    morePorts: [],
    clusterKeys: 'policy: round-robin',
  }
  return {
    options,
    cores,
    contenders: availableContenders(tools, options),
    wrk: tools.wrk ?? 'wrk',
    hasWrk: tools.wrk !== undefined,
    holdProgram,
    backendPort,
    backendPid: backend.pid,
    anotherBackend: () => announcedPort(start('backend', place([backendProgram], 'rest'))),
    placeRest: (command) => place(command, 'rest'),
    ...recorder(),
    launch: async (name, variant) => {
      const running = await startContender(name, { ...defaults, ...variant }, yard)
      await verify(running, backendPort)
      return running
    },
  }
}
