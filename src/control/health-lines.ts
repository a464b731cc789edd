import type { ClusterSpec } from '../config/snapshot.ts'
import type { Member } from '../health/member.ts'
import { RateCap } from '../health/rate-cap.ts'
import { ENDPOINT_STATES, HEALTH_REASONS } from '../health/states.ts'

/** When a whole fleet falls, these are enough to see it. */
const LINES_PER_SECOND = 20
const LINES_AT_ONCE = 10

/** Ready, for no reason: what an endpoint is at the start. */
const UNTOUCHED = '0 0'

/** Changes of state for people, so many per second; those beyond are counted and the count is said. */
export class HealthLines {
  readonly #say: (line: string) => void
  readonly #cap = new RateCap(LINES_PER_SECOND, LINES_AT_ONCE)
  readonly #told = new Map<number, string>()
  #dropped = 0

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  /** Tell a change, if its state or reason is another than when last told. */
  changed(cluster: ClusterSpec, member: Member, detail: string, nowMs: number): void {
    const { id, address } = member.spec
    const { state, reason, ejectedUntilMs } = member.life
    const now = `${state} ${reason}`
    const before = this.#told.get(id)
    this.#told.set(id, now)
    if (before === now || now === UNTOUCHED) return
    if (isNoise(member, before)) return
    const why = `${HEALTH_REASONS[reason] ?? ''}${detail === '' ? '' : ` (${detail})`}`
    const back =
      ejectedUntilMs > nowMs
        ? `; back in ${Math.ceil((ejectedUntilMs - nowMs) / 1000)} s at the earliest`
        : ''
    this.line(`${cluster.name} ${address} ${ENDPOINT_STATES[state] ?? ''}: ${why}${back}`, nowMs)
  }

  line(text: string, nowMs: number): void {
    if (!this.#cap.take(nowMs)) {
      this.#dropped++
      return
    }
    if (this.#dropped > 0) this.#say(`weir: ${this.#dropped} more changes of health were not told`)
    this.#dropped = 0
    this.#say(`weir: ${text}`)
  }

  /** An endpoint has gone. */
  forget(kept: ReadonlySet<number>): void {
    for (const slot of this.#told.keys()) if (!kept.has(slot)) this.#told.delete(slot)
  }
}

/** Doubt that comes and goes is not worth a line, unless only the budget stands between it and an ejection. */
function isNoise({ life }: Member, before: string | undefined): boolean {
  const doubted = before !== undefined && ENDPOINT_STATES[Number(before.split(' ')[0])] === 'suspect'
  if (life.is('suspect')) return HEALTH_REASONS[life.reason] !== 'ejection budget is used up'
  return life.is('ready') && doubted
}
