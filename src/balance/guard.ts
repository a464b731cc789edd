import { Sfc32 } from '../base/random.ts'
import type { Rng } from '../base/random.ts'
import { NO_PICK } from './policy.ts'
import type { Policy, PolicyReads } from './policy.ts'
import { ViewTwin } from './twin.ts'
import type { ClusterView } from './view.ts'

/** Faults in a row after which a policy is not asked again until the next rebuild. */
export const FAULTS_IN_A_ROW = 1000

/** Between two lines about one policy, ms. */
const QUIET_MS = 60_000
/** Of what a policy threw, characters that are said. */
const STORY_LENGTH = 200

export type GuardParts = {
  readonly name: string
  /** A new policy; may throw. */
  readonly make: () => Policy
  /** A new instance of the policy that picks where the other fails. */
  readonly makeDefault: () => Policy
  /** The policy is not ours: it sees a copy of the view. */
  readonly foreign: boolean
  /** Seeds its streams of chance. */
  readonly seed: Rng
  readonly events: GuardEvents
}

export interface GuardEvents {
  /** A policy failed and the default one stood in. */
  fault(): void
  /** One line for the operator; at most one a minute from a policy. */
  say(line: string): void
}

/**
 * Between the balancer and a policy, which may be anybody's: whatever it throws and whatever it returns, a pick is an index of the view. Where
 * the policy fails, the default one picks.
 *
 * What a policy of the operator's cannot do: fail a request, pick an endpoint that may not be picked, change the view or the stream of chance that others
 * use. What it can, for it is code in the shard's thread and this is no jail: take time (a shard that is stuck is replaced, see `supervision`),
 * take memory, and change what all code in the thread shares.
 */
export class Guard {
  /** The last pick is the default policy's. */
  stoodIn = false
  /** Of the policy that picked last. */
  heedsWeights = false
  followsKey = false
  reads: PolicyReads = 'all'
  /** State of the generator before the last pick, four words. */
  readonly rngBefore: Int32Array = new Int32Array(4)
  readonly #parts: GuardParts
  /** The policy's own stream; the default one's is another, out of the policy's reach. */
  readonly #rng: Sfc32
  readonly #defaultRng: Sfc32
  #policy: Policy | undefined
  #default: Policy | undefined
  #twin: ViewTwin | undefined
  #faultsInARow = 0
  #saidAtMs = -Infinity

  constructor(parts: GuardParts) {
    const { seed } = parts
    this.#parts = parts
    this.#rng = new Sfc32(seed.uint32(), seed.uint32(), seed.uint32())
    Object.freeze(this.#rng) // its methods stay; drawing from it goes on
    this.#defaultRng = new Sfc32(seed.uint32(), seed.uint32(), seed.uint32())
  }

  /** Membership changed: of this view from now on. A policy that was switched off gets another chance. */
  rebuild(view: ClusterView): void {
    this.#faultsInARow = 0
    this.#default?.rebuild(view, this.#defaultRng)
    try {
      this.#policy ??= this.#parts.make()
      this.#twin = this.#parts.foreign ? new ViewTwin(view) : undefined
      this.#policy.rebuild(this.#twin?.view ?? view, this.#rng)
      this.#describe(this.#policy)
    } catch (error) {
      this.#off(error, view.nowMs)
    }
  }

  /** Only weights changed; `onlyWarmth`: and of them only what slow start makes of them. */
  reweigh(view: ClusterView, onlyWarmth: boolean): void {
    if (this.#default !== undefined) reweigh(this.#default, view, this.#defaultRng, onlyWarmth)
    if (this.#faultsInARow >= FAULTS_IN_A_ROW) return
    try {
      this.#twin?.copyAll()
      reweigh(this.#policy!, this.#twin?.view ?? view, this.#rng, onlyWarmth)
    } catch (error) {
      this.#off(error, view.nowMs)
    }
  }

  /** Row `index` of the view changed. */
  changed(index: number): void {
    this.#twin?.copyRow(index)
  }

  pick(view: ClusterView, key: number): number {
    view.considered.clear()
    if (view.size === 0) return NO_PICK
    if (this.#faultsInARow >= FAULTS_IN_A_ROW) return this.#standIn(view, key)
    let wrong: unknown
    try {
      const twin = this.#twin
      this.#rng.save(this.rngBefore)
      const index = twin === undefined ? this.#policy!.pick(view, key, this.#rng) : this.#ask(twin, view, key)
      if (typeof index === 'number' && index >>> 0 === index && index < view.size) {
        this.#faultsInARow = 0
        if (this.stoodIn) this.#describe(this.#policy!)
        return index >>> 0
      }
      wrong = index
    } catch (error) {
      return this.#failed(error, view, key)
    }
    return this.#failed(
      new RangeError(`picked ${typeof wrong === 'number' ? wrong : typeof wrong} of ${view.size}`),
      view,
      key,
    )
  }

  /** Probability of the last pick, NaN where nobody knows. */
  propensity(view: ClusterView, key: number, index: number): number {
    try {
      const policy = this.stoodIn ? this.#default : this.#policy
      const seen = this.stoodIn ? view : (this.#twin?.view ?? view)
      const probability = policy?.propensity?.(seen, key, index)
      return typeof probability === 'number' && probability >= 0 && probability <= 1
        ? probability
        : Number.NaN
    } catch {
      this.#parts.events.fault()
      return Number.NaN
    }
  }

  /** The policy's state before its next pick into `state`: how many numbers, or -1 if it does not fit. */
  save(state: Float64Array): number {
    try {
      if (this.#faultsInARow >= FAULTS_IN_A_ROW) return this.#default?.save?.(state) ?? 0
      const length = this.#policy?.save?.(state) ?? 0
      return typeof length === 'number' && length >>> 0 === length && length <= state.length ? length : -1
    } catch {
      this.#parts.events.fault()
      return -1
    }
  }

  #ask(twin: ViewTwin, view: ClusterView, key: number): number {
    twin.view.nowMs = view.nowMs
    const index = this.#policy!.pick(twin.view, key, this.#rng)
    twin.forwardConsidered(view.considered)
    return index
  }

  #failed(error: unknown, view: ClusterView, key: number): number {
    this.#parts.events.fault()
    this.#faultsInARow++
    if (this.#faultsInARow === FAULTS_IN_A_ROW)
      this.#say('is switched off until the next rebuild', error, view.nowMs)
    else this.#say('failed, the default policy picked', error, view.nowMs)
    return this.#standIn(view, key)
  }

  #standIn(view: ClusterView, key: number): number {
    if (this.#default === undefined) {
      this.#default = this.#parts.makeDefault()
      this.#default.rebuild(view, this.#defaultRng)
    }
    this.#describe(this.#default)
    this.stoodIn = true
    view.considered.clear()
    this.#defaultRng.save(this.rngBefore)
    return this.#default.pick(view, key, this.#defaultRng)
  }

  #describe(policy: Policy): void {
    this.stoodIn = false
    this.heedsWeights = policy.heedsWeights === true
    this.followsKey = policy.followsKey === true
    this.reads = policy.reads === 'noted' ? 'noted' : 'all'
  }

  #off(error: unknown, nowMs: number): void {
    this.#parts.events.fault()
    this.#faultsInARow = FAULTS_IN_A_ROW
    this.#say('is switched off until the next rebuild', error, nowMs)
  }

  #say(what: string, error: unknown, nowMs: number): void {
    if (nowMs >= this.#saidAtMs && nowMs < this.#saidAtMs + QUIET_MS) return
    this.#saidAtMs = nowMs
    this.#parts.events.say(`policy ${this.#parts.name} ${what}: ${story(error)}`)
  }
}

const reweigh = (policy: Policy, view: ClusterView, rng: Sfc32, onlyWarmth: boolean): void => {
  if (policy.reweigh !== undefined) policy.reweigh(view, rng)
  else if (policy.heedsWeights === true || !onlyWarmth) policy.rebuild(view, rng)
}

/** One bounded line of whatever was thrown, which may itself throw when it is looked at. */
const story = (error: unknown): string => {
  try {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return text.slice(0, STORY_LENGTH).replaceAll(/[^\x20-\x7e]+/g, ' ')
  } catch {
    return 'what it threw cannot be shown'
  }
}
