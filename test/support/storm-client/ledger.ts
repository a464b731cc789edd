import { Latencies } from './latencies.ts'

/** How a request ended: each in exactly one of these. */
export const OUTCOMES = [
  'answered',
  '502',
  '503',
  '504',
  /** Reset when a part of the response had come. */
  'cut',
  /** The connection ended, by reset or FIN, before a byte of the response. */
  'dropped',
  /** FIN in mid-response: what is broken off must not look ended. */
  'truncated',
  /** Bytes that are not the answer to this request. */
  'wrong',
  /** No end within the deadline. */
  'late',
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What became of attempts to connect. */
export const DIALS = ['connected', 'refused', 'overdue'] as const
export type Dial = (typeof DIALS)[number]

/** Why a connection ended. `lost`: the other side ended it, unasked, while nothing was under way on it. */
export const ENDINGS = ['ours', 'announced', 'failed', 'lost'] as const
export type Ending = (typeof ENDINGS)[number]

export type Failure = {
  readonly atMs: number
  readonly group: string
  readonly what: string
  readonly detail: string
}

const FAILURES_KEPT = 2000

/** The book of one group of clients. */
export class Account {
  readonly name: string
  readonly outcomes: Record<Outcome, number> = counts(OUTCOMES)
  readonly dials: Record<Dial, number> = counts(DIALS)
  readonly endings: Record<Ending, number> = counts(ENDINGS)
  readonly latencies: Latencies = new Latencies()
  readonly connecting: Latencies = new Latencies()
  /** Connecting and the first answer together, of those who come for one. */
  readonly visits: Latencies = new Latencies()
  sent = 0
  readonly #failures: Failure[]

  constructor(name: string, failures: Failure[]) {
    this.name = name
    this.#failures = failures
  }

  end(outcome: Outcome, ms: number, detail: string): void {
    this.outcomes[outcome]++
    if (outcome === 'answered') this.latencies.add(ms)
    else this.note(outcome, detail)
  }

  note(what: string, detail: string): void {
    if (this.#failures.length >= FAILURES_KEPT) return
    this.#failures.push({ atMs: performance.now(), group: this.name, what, detail })
  }

  get ended(): number {
    return OUTCOMES.reduce((sum, outcome) => sum + this.outcomes[outcome], 0)
  }

  /** Sent, and nobody knows what became of it. */
  get lost(): number {
    return this.sent - this.ended
  }
}

/** What a storm did, so that everything that was sent is accounted for. */
export class Ledger {
  readonly failures: Failure[] = []
  readonly #accounts = new Map<string, Account>()

  account(name: string): Account {
    const known = this.#accounts.get(name)
    if (known !== undefined) return known
    const fresh = new Account(name, this.failures)
    this.#accounts.set(name, fresh)
    return fresh
  }

  get accounts(): readonly Account[] {
    return [...this.#accounts.values()]
  }

  total(outcome: Outcome): number {
    return this.accounts.reduce((sum, account) => sum + account.outcomes[outcome], 0)
  }

  dialled(dial: Dial): number {
    return this.accounts.reduce((sum, account) => sum + account.dials[dial], 0)
  }

  ended(ending: Ending): number {
    return this.accounts.reduce((sum, account) => sum + account.endings[ending], 0)
  }

  get sent(): number {
    return this.accounts.reduce((sum, account) => sum + account.sent, 0)
  }

  get lost(): number {
    return this.accounts.reduce((sum, account) => sum + account.lost, 0)
  }

  toString(): string {
    const head = ['', 'sent', ...OUTCOMES, 'unaccounted', 'p50 ms', 'p99 ms', 'max ms']
    const rows = this.accounts
      .filter(({ sent }) => sent > 0)
      .map((account) => [
        account.name,
        account.sent,
        ...OUTCOMES.map((outcome) => account.outcomes[outcome]),
        account.lost,
        ...[0.5, 0.99].map((share) => account.latencies.quantileMs(share).toFixed(1)),
        account.latencies.maxMs.toFixed(1),
      ])
    const heads = ['', ...DIALS, ...ENDINGS, 'p99 ms', 'max ms']
    const lines = this.accounts.map((account) => [
      account.name,
      ...DIALS.map((dial) => account.dials[dial]),
      ...ENDINGS.map((ending) => account.endings[ending]),
      account.connecting.quantileMs(0.99).toFixed(1),
      account.connecting.maxMs.toFixed(1),
    ])
    return `requests\n${table([head, ...rows])}\nconnections\n${table([heads, ...lines])}`
  }

  /** The last of what went wrong, line by line, for a failed assertion. */
  story(most = 20): string {
    return this.failures
      .slice(0, most)
      .map(({ atMs, group, what, detail }) => `${atMs.toFixed(0)} ${group}: ${what} ${detail}`)
      .join('\n')
  }
}

function counts<K extends string>(names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>
}

function table(rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)),
  )
  const widths = (texts[0] ?? []).map((_, at) => Math.max(...texts.map((row) => row[at]?.length ?? 0)))
  return texts
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  '),
    )
    .join('\n')
}
