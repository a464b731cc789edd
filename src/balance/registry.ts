import type { PolicyOptions, PolicySpec } from '../config/snapshot.ts'
import { BoundedLoad } from './bounded-load.ts'
import { ChooseSome } from './choose-some.ts'
import { RelativeDegradation } from './d2.ts'
import { leastRequest } from './least-request.ts'
import { LeastTime } from './least-time.ts'
import { InFlightLoad } from './load.ts'
import { Maglev } from './maglev.ts'
import { OnePlusBeta } from './one-plus-beta.ts'
import { optionsOf } from './options.ts'
import type { PolicyName } from './options.ts'
import { Orca } from './orca.ts'
import { peakEwma } from './peak-ewma.ts'
import type { Policy } from './policy.ts'
import { Prequal } from './prequal.ts'
import { Random } from './random.ts'
import { Rendezvous } from './rendezvous.ts'
import { RingHash } from './ring-hash.ts'
import { RoundRobin } from './round-robin.ts'
import { WeightedRandom } from './weighted-random.ts'

/** What a policy is made of and with. `given` are options as configured; `optionsOf` fills in the rest. */
const MAKERS: Readonly<Record<PolicyName, (given: PolicyOptions) => Policy>> = {
  // By count.
  'round-robin': () => new RoundRobin(),
  random: () => new Random(),
  'weighted-random': () => new WeightedRandom(),
  p2c: (given) => new ChooseSome(new InFlightLoad(), optionsOf('p2c', given).choices),
  'least-request': (given) => leastRequest(optionsOf('least-request', given)),
  'one-plus-beta': (given) => new OnePlusBeta(optionsOf('one-plus-beta', given).beta),
  // By latency and feedback.
  'peak-ewma': (given) => peakEwma(optionsOf('peak-ewma', given)),
  'failure-biased-ewma': (given) => peakEwma(optionsOf('failure-biased-ewma', given)),
  'least-time': (given) => new LeastTime(optionsOf('least-time', given)),
  orca: (given) => new Orca(optionsOf('orca', given)),
  d2: (given) => new RelativeDegradation(optionsOf('d2', given)),
  prequal: (given) => new Prequal(optionsOf('prequal', given)),
  // By hash of the key.
  'ring-hash': (given) => {
    const options = optionsOf('ring-hash', given)
    return bounded(new RingHash(options), options.boundedLoad)
  },
  maglev: (given) => {
    const options = optionsOf('maglev', given)
    return bounded(new Maglev(options), options.boundedLoad)
  },
  rendezvous: (given) => bounded(new Rendezvous(), optionsOf('rendezvous', given).boundedLoad),
  // The key is the client's address (`proxy/hash-key.ts`). A table, because fleets may be large and every request asks.
  'ip-hash': (given) => bounded(new Maglev(optionsOf('maglev', {})), optionsOf('ip-hash', given).boundedLoad),
}

/** 0: no bound. */
const bounded = (policy: Policy, factor: number): Policy =>
  factor === 0 ? policy : new BoundedLoad(policy, factor)

/** A fresh instance of a built-in policy. The configuration's schema lets no other name pass: an unknown one is a bug. */
export const makePolicy = ({ name, options }: Pick<PolicySpec, 'name' | 'options'>): Policy => {
  const make = Object.hasOwn(MAKERS, name) ? MAKERS[name as PolicyName] : undefined
  if (make === undefined) throw new Error(`no policy ${name}`)
  return make(options)
}
