/** The root of the tree with the world it runs in: what `weir run` and `weir demo` start. */
import { availableParallelism } from 'node:os'
import { connections, host } from '../native/index.ts'
import packageFile from '../package.json' with { type: 'json' }
import type { ActorUrls } from '../src/control/actors.ts'
import { DataPlane } from '../src/control/data-plane.ts'
import { demoConfig, demoHints } from '../src/control/demo.ts'
import type { DemoBackends, DemoPorts } from '../src/control/demo.ts'
import { runForeground } from '../src/control/foreground.ts'
import type { Lineage } from '../src/control/lineage.ts'
import type { ConfigSource } from '../src/control/load.ts'
import { DATA_PLANE_VARIABLE } from '../src/control/master-protocol.ts'
import { Program } from '../src/control/program.ts'
import { provide } from '../src/control/provision.ts'
import { needsOfSnapshot, selfCheck } from '../src/control/self-check.ts'
import { entropy, machineMs, systemClock, systemRng, systemTimers } from '../src/io/clock.ts'
import { duplicateFd } from '../src/io/fd-channel.ts'
import { openMasterLink } from '../src/io/master-link.ts'
import { processTitle } from '../src/io/process-title.ts'
import { say } from '../src/io/stderr.ts'
import { readSystem } from '../src/io/system-readings.ts'
import { startThread } from '../src/io/thread.ts'
import { startVitals } from '../src/io/vitals.ts'

const door = (name: string): URL => new URL(`./${name}.ts`, import.meta.url)

const DOORS: ActorUrls = {
  acceptor: door('acceptor'),
  telemetry: door('telemetry'),
  health: door('health'),
  discovery: door('discovery'),
  shard: door('shard'),
}

const newProgram = (source: ConfigSource, urls: ActorUrls, lineage?: Lineage): Program =>
  new Program({
    version: packageFile.version,
    source,
    urls,
    connections,
    timers: systemTimers,
    rng: systemRng(),
    availableCores: availableParallelism(),
    wallMs: () => systemClock.wallMs(),
    machineMs,
    watch: host.watch.bind(host),
    entropy,
    say,
    provide: (snapshot) => {
      const provision = provide(snapshot, connections)
      for (const line of selfCheck(needsOfSnapshot(snapshot), readSystem())) say(line)
      startVitals(provision.fleet, 'main', { attend: host.attend.bind(host) })
      return provision
    },
    duplicate: (fd) => duplicateFd(host, fd),
    closeFd: (fd) => host.closeFd(fd),
    ...(lineage === undefined ? {} : { lineage }),
  })

/** The program in one process, without a master. Resolves with the exit code when it has ended. */
export function run(
  source: ConfigSource,
  onReady: (program: Program) => void = () => {},
  urls: ActorUrls = DOORS,
): Promise<number> {
  const program = newProgram(source, urls)
  const foreground = {
    on(signal: NodeJS.Signals, handler: () => void) {
      const standIns = process.rawListeners(signal) as (() => void)[] // the entry's
      process.on(signal, handler) // first: a signal nobody listens to does what it does by default
      for (const standIn of standIns) process.off(signal, standIn)
    },
    exit: (code: number) => process.exit(code),
    nowMs: () => systemClock.monotonicMs(),
    say,
  }
  return runForeground(program, foreground, () => onReady(program))
}

/** The program as its master's data plane. Resolves with the exit code. */
export async function runDataPlane(file: ConfigSource): Promise<number> {
  const fd = Number(process.env[DATA_PLANE_VARIABLE])
  delete process.env[DATA_PLANE_VARIABLE]
  process.title = processTitle('data plane', file.name)
  const plane = new DataPlane({
    link: (events) => openMasterLink(host, fd, events),
    exit: (code) => process.exit(code),
    say,
  })
  const { source, lineage } = await plane.begin(file)
  return plane.run(newProgram(source, DOORS, lineage))
}

export async function demo(ports: DemoPorts): Promise<number> {
  const backends = startThread<{ addresses(): DemoBackends }>({ name: 'demo', url: door('demo'), seed: {} })
  const addresses = await backends.ref.call.addresses()
  const config = demoConfig(ports, addresses)
  const source = { name: 'demo', read: () => Promise.resolve(config) }
  const exitCode = await run(source, (program) => {
    const { listeners, admin = '' } = program.addresses()
    for (const line of demoHints(listeners['web']?.[0] ?? '', admin, addresses.quick)) say(line)
  })
  if (exitCode === 1)
    say('weir: other ports for the demo: weir demo --port 8081 --admin-port 9901 (0: any free one)')
  return exitCode
}
