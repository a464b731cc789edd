import type { TestContext } from 'node:test'
import { BroadcastChannel } from 'node:worker_threads'
import { connections, host } from '../../native/index.ts'
import { Program } from '../../src/control/program.ts'
import { provide } from '../../src/control/provision.ts'
import { entropy, machineMs, systemClock, systemRng, systemTimers } from '../../src/io/clock.ts'
import { duplicateFd } from '../../src/io/fd-channel.ts'
import { systemResolver } from '../../src/io/dns.ts'
import type { Resolver } from '../../src/io/dns.ts'
import { MORTALITY } from './doors/mortal.ts'
import type { Doom } from './doors/mortal.ts'
import { until } from './weir.ts'
import { serveZone } from './zone.ts'

/** The real program in this process, its actors in their own threads and mortal (`doors/`). One at a time: shards' indexes are the process's. */
export type TestProgram = {
  readonly program: Program
  readonly lines: readonly string[]
  /** What a reload reads. */
  readonly write: (configText: string) => void
  readonly url: (listener: string) => string
  readonly adminUrl: () => string
  readonly kill: (doom: Doom) => void
  /** Resolves when a line after the `from`-th matches. */
  readonly said: (pattern: RegExp, from?: number) => Promise<void>
}

const door = (name: string): URL => new URL(`./doors/${name}.ts`, import.meta.url)

export async function startProgram(
  t: TestContext,
  configText: string,
  resolver: Resolver = systemResolver(),
  /** Before it starts. */
  onBorn: (kill: TestProgram['kill']) => void = () => {},
): Promise<TestProgram> {
  serveZone(t, resolver)
  const lines: string[] = []
  let text = configText
  const program = new Program({
    version: 'test',
    source: { name: 'test.yaml', read: () => Promise.resolve(text) },
    urls: {
      acceptor: door('acceptor'),
      telemetry: door('telemetry'),
      health: door('health'),
      discovery: door('discovery'),
      shard: door('shard'),
    },
    connections,
    timers: systemTimers,
    rng: systemRng(),
    availableCores: 2,
    wallMs: () => systemClock.wallMs(),
    machineMs,
    watch: host.watch.bind(host),
    entropy,
    say: (line) => void lines.push(line),
    provide: (snapshot) => provide(snapshot, connections),
    duplicate: (fd) => duplicateFd(host, fd),
    closeFd: (fd) => host.closeFd(fd),
  })
  const mortality = new BroadcastChannel(MORTALITY)
  t.after(async () => {
    mortality.close()
    await program.stop()
  })
  const kill = (doom: Doom): void => mortality.postMessage(doom)
  onBorn(kill)
  await program.start()
  return {
    program,
    lines,
    write: (next) => void (text = next),
    url: (listener) => `http://${program.addresses().listeners[listener]?.[0] ?? 'nowhere'}`,
    adminUrl: () => `http://${program.addresses().admin ?? 'nowhere'}`,
    kill,
    said: (pattern, from = 0) =>
      until(() => lines.slice(from).some((line) => pattern.test(line)), String(pattern)),
  }
}
