import type { Member } from './member.ts'

/** How a cluster stands; counts of endpoints that could get traffic (weight above 0, not taken out by an operator). */
export type Standing = {
  readonly endpoints: number
  readonly inService: number
  readonly quarantined: number
  /** Out because their checks fail. */
  readonly down: number
}

type Kind = Exclude<keyof Standing, 'endpoints'> | 'none'

/** Keeps count while members change one by one: when a whole fleet falls, each ejection costs the same. */
export class Standings implements Standing {
  endpoints = 0
  inService = 0
  quarantined = 0
  down = 0
  readonly #kinds = new Map<Member, Kind>()

  /** The member came, or its state, weight or operator's wish may have changed. */
  update(member: Member): void {
    this.#count(member, kindOf(member))
  }

  remove(member: Member): void {
    this.#count(member, 'none')
    this.#kinds.delete(member)
  }

  #count(member: Member, kind: Kind): void {
    const before = this.#kinds.get(member) ?? 'none'
    if (before === kind) return
    this.#kinds.set(member, kind)
    if (before !== 'none') {
      this[before]--
      this.endpoints--
    }
    if (kind === 'none') return
    this[kind]++
    this.endpoints++
  }
}

const kindOf = (member: Member): Kind => {
  if (!member.counts) return 'none'
  if (member.life.inService) return 'inService'
  return member.life.is('quarantined') ? 'quarantined' : 'down'
}
