import type { ChildPhase, ChildStatus } from '../actor/child.ts'
import type { Binding } from './bindings.ts'
import type { ProgramView, ShardState } from './protocol.ts'
import { shardOf } from './tree.ts'

const SHARD_STATES: Readonly<Record<ChildPhase, ShardState>> = {
  idle: 'starting',
  starting: 'starting',
  up: 'running',
  waiting: 'restarting',
  replacing: 'restarting',
  yielding: 'restarting',
  held: 'restarting',
  leaving: 'stopping',
  done: 'stopped',
  stopping: 'stopping',
  stopped: 'stopped',
}

/** The part of the view that the tree knows. */
export function treeView(children: readonly ChildStatus[]): Pick<ProgramView, 'shards' | 'restarts'> {
  const restartsOf = (id: string): number => children.find((child) => child.id === id)?.restarts ?? 0
  return {
    shards: children
      .filter((child) => shardOf(child.id) >= 0)
      .map(({ phase, restarts, deaths }) => ({
        state: phase === 'starting' && restarts > 0 ? 'restarting' : SHARD_STATES[phase],
        restarts,
        deaths,
      })),
    restarts: {
      acceptor: restartsOf('acceptor'),
      telemetry: restartsOf('telemetry'),
      health: restartsOf('health'),
      discovery: restartsOf('discovery'),
    },
  }
}

/** What happened, and where the program can be reached: `weir: ready  web http://127.0.0.1:8080  admin http://127.0.0.1:9900` */
export function addressLine(what: string, bindings: readonly Binding[], admin: string | undefined): string {
  const parts = bindings.map(({ name, group }) => `${name} ${urlOf(group.address)}`)
  return [what, ...parts, ...(admin === undefined ? [] : [`admin ${urlOf(admin)}`])].join('  ')
}

function urlOf(address: string): string {
  return address.startsWith('unix:') ? address : `http://${address}`
}
