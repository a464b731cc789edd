import type { ListenerSpec } from '../config/snapshot.ts'
import type { ListenerGroup } from '../io/engine.ts'

/** One address a listener is bound to, with the sockets behind it. */
export type Binding = Wanted & { readonly group: ListenerGroup }

/** One address a configuration asks for. */
export type Wanted = {
  /** Two configurations mean the same sockets exactly when the keys are equal. */
  readonly key: string
  readonly address: string
  /** `ListenerSpec.id`: what its connections are accepted for. */
  readonly listener: number
  readonly name: string
  readonly backlog: number
}

export type BindingPlan = {
  readonly open: readonly Wanted[]
  /** Stay open, perhaps for another listener now. */
  readonly keep: readonly Binding[]
  readonly close: readonly Binding[]
}

/**
 * Sockets belong to addresses, not to names: a listener that is renamed keeps its sockets and everybody queued on them. Port 0 is
 * another port each time, so there the name makes the difference; the port it got may be named later on.
 */
export function wantedBindings(listeners: readonly ListenerSpec[]): readonly Wanted[] {
  return listeners.flatMap(({ id, name, bind, backlog }) =>
    bind.map((address, index) => {
      const key = address.endsWith(':0') ? `${address} ${name} ${index}` : address
      return { key, address, listener: id, name, backlog }
    }),
  )
}

export function planBindings(current: readonly Binding[], wanted: readonly Wanted[]): BindingPlan {
  const open = new Set(current)
  const keep: Binding[] = []
  const missing: Wanted[] = []
  for (const want of wanted) {
    const binding = [...open].find(({ key, group }) => key === want.key || group.address === want.address)
    if (binding === undefined) missing.push(want)
    else {
      keep.push({ ...want, group: binding.group })
      open.delete(binding)
    }
  }
  return { open: missing, keep, close: [...open] }
}

/** The socket of a group that a shard accepts from: its own, or the one all share (unix sockets). */
export function memberOf(group: ListenerGroup, shard: number): number {
  const fd = group.fds.length === 1 ? group.fds[0] : group.fds[shard]
  if (fd === undefined) throw new Error(`${group.address} has no socket for shard ${shard}`)
  return fd
}
