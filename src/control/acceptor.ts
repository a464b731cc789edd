import type { Listeners, ListenerGroup } from '../io/engine.ts'
import type { AcceptorControl } from './protocol.ts'

/**
 * The owner of the listening sockets. They are numbers of the process and outlive this thread: a successor adopts them, and
 * nothing here closes what it was not told to close. Only groups it knows are touched, since a number may have got another meaning.
 */
export function createAcceptor(listeners: Listeners): AcceptorControl {
  const groups = new Map<string, ListenerGroup>()
  const known = (group: ListenerGroup): ListenerGroup => {
    const held = groups.get(keyOf(group))
    if (held === undefined) throw new Error(`no listening sockets ${keyOf(group)} on ${group.address}`)
    return held
  }
  return {
    adopt(inherited) {
      for (const group of inherited) groups.set(keyOf(group), group)
    },
    open(address, members, backlog) {
      const group = listeners.open(address, members, backlog)
      groups.set(keyOf(group), group)
      return group
    },
    close(group) {
      const held = known(group)
      groups.delete(keyOf(group))
      listeners.close(held)
    },
    fault() {
      throw new Error('not built yet')
    },
    inherit(fds) {
      const inherited = listeners.inherit(fds)
      for (const group of inherited) groups.set(keyOf(group), group)
      return inherited
    },
    extend(group, members, backlog) {
      const held = known(group)
      const extended = listeners.extend(held, members, backlog)
      groups.delete(keyOf(held))
      groups.set(keyOf(extended), extended)
      return extended
    },
    serve() {},
    steer(group, weights) {
      listeners.steer(known(group), weights)
    },
  }
}

function keyOf(group: ListenerGroup): string {
  return group.fds.join()
}
