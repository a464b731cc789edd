import type { ActorRef } from '../actor/rpc.ts'
import type { Timers } from '../actor/timers.ts'
import type { Rng } from '../base/random.ts'
import type { Resolver } from '../io/dns.ts'
import type { FaultKind } from '../proxy/control.ts'
import type { FleetHandle } from '../shm/layout.ts'
import type { DiscoveryControl, NamesControl } from './discovery-protocol.ts'
import { createLookups } from './resolve.ts'

export type DiscoveryContext = {
  readonly resolver: Resolver
  readonly timers: Timers
  readonly rng: Rng
  readonly main: ActorRef<NamesControl>
  /** From then on this thread writes down how it does. */
  readonly attend: (fleet: FleetHandle) => void
  readonly fail: (kind: FaultKind) => void
}

/** Asks what endpoints that are names mean, and tells main what is new of it. It keeps nothing that a successor would miss. */
export function createDiscovery({ main, attend, fail, ...ports }: DiscoveryContext): DiscoveryControl {
  const lookups = createLookups({
    ...ports,
    onAnswer: (host, addresses) => void main.call.answered(host, addresses).catch(ignore),
    onFailure: (host, reason) => void main.call.failed(host, reason).catch(ignore),
  })
  let attending = false
  return {
    want: (hosts) => lookups.want(hosts),
    attend(fleet) {
      if (attending) return
      attending = true
      attend(fleet)
    },
    fault: fail,
  }
}

/** Main is gone, and we with it. */
function ignore(): void {}
