import type { Timers } from '../actor/timers.ts'

/** One line per shard in so long. */
const EVERY_MS = 10_000

type Series = { count: number; longestMs: number; readonly cancel: () => void }

/** Tells of shards that were stuck: of the first time at once, of what follows within ten seconds in one line behind those. */
export class StallNews {
  readonly #timers: Timers
  readonly #say: (line: string) => void
  /** Since each shard's last line. */
  readonly #unsaid = new Map<number, Series>()

  constructor(timers: Timers, say: (line: string) => void) {
    this.#timers = timers
    this.#say = say
  }

  /** `servedBy`: somebody else accepted from its sockets meanwhile. */
  tell(shard: number, tookMs: number, servedBy: boolean): void {
    const series = this.#unsaid.get(shard)
    if (series === undefined) {
      const meanwhile = servedBy ? ', others served for it' : ''
      this.#say(`shard ${shard} was stuck for ${Math.round(tookMs)} ms${meanwhile}`)
      this.#open(shard)
      return
    }
    series.count++
    series.longestMs = Math.max(series.longestMs, tookMs)
  }

  /** The program stops: what there is to say is said now. */
  end(): void {
    for (const [shard, { cancel }] of this.#unsaid) {
      cancel()
      this.#sum(shard)
    }
  }

  #open(shard: number): void {
    const cancel = this.#timers.after(EVERY_MS, () => {
      if (this.#sum(shard)) this.#open(shard)
    })
    this.#unsaid.set(shard, { count: 0, longestMs: 0, cancel })
  }

  /** False: there was nothing. */
  #sum(shard: number): boolean {
    const { count, longestMs } = this.#unsaid.get(shard)!
    this.#unsaid.delete(shard)
    if (count === 0) return false
    const often = count === 1 ? 'once more' : `${count} times more`
    const longest = `for ${Math.round(longestMs)} ms${count === 1 ? '' : ' at most'}`
    this.#say(`shard ${shard} was stuck ${often} in ${EVERY_MS / 1000} s, ${longest}`)
    return true
  }
}
