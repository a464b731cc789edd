/** What a test process tells the runner, one JSON line each. */
export type FileEvent =
  | { readonly kind: 'begun' | 'done'; readonly name: string }
  | Verdict
  | { readonly kind: 'complaint'; readonly text: string }
  | { readonly kind: 'summary'; readonly success: boolean }
  | { readonly kind: 'leftovers'; readonly resources: readonly string[] }

export type Verdict = {
  readonly kind: 'verdict'
  readonly name: string
  readonly depth: number
  readonly line: number
  readonly ms: number
  readonly verdict: 'passed' | 'failed' | 'skipped'
  /** The error as text; empty unless failed. */
  readonly failure: string
  /** Failed only because a subtest did: not counted again. */
  readonly ofChildren: boolean
}

/** What is known of one test file's process, folded from its events. */
export type Tally = {
  readonly pending: Map<string, number>
  readonly verdicts: Verdict[]
  readonly complaints: string[]
  summary: boolean
  leftovers: readonly string[]
}

export function emptyTally(): Tally {
  return { pending: new Map(), verdicts: [], complaints: [], summary: false, leftovers: [] }
}

export function fold(tally: Tally, event: FileEvent): void {
  switch (event.kind) {
    case 'begun':
      tally.pending.set(event.name, (tally.pending.get(event.name) ?? 0) + 1)
      break
    case 'done': {
      const left = (tally.pending.get(event.name) ?? 0) - 1
      if (left > 0) tally.pending.set(event.name, left)
      else tally.pending.delete(event.name)
      break
    }
    case 'verdict':
      tally.verdicts.push(event)
      break
    case 'complaint':
      tally.complaints.push(event.text)
      break
    case 'summary':
      tally.summary = true
      break
    case 'leftovers':
      tally.leftovers = event.resources
      break
  }
}

export type Process = {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** Why the runner ended it, if it did. */
  readonly killed: 'silent' | 'lingering' | undefined
  /** Processes it had started were still running after it ended. */
  readonly orphans: boolean
}

export type FileResult = {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Readable failures, one text each. */
  readonly failures: readonly string[]
}

/** The verdict on a file: its tests, plus one failure for a process that did not run to a clean end of its own. */
export function judge(tally: Tally, process: Process): FileResult {
  const failures: string[] = []
  const count = { passed: 0, failed: 0, skipped: 0 }
  for (const verdict of tally.verdicts) {
    if (verdict.ofChildren) continue
    count[verdict.verdict] += 1
    if (verdict.verdict === 'failed')
      failures.push(`${verdict.name} (line ${verdict.line})\n${verdict.failure}`)
  }
  const trouble = fileTrouble(tally, process, count.failed)
  if (trouble !== undefined) {
    failures.push(trouble)
    count.failed += 1
  }
  return { ...count, failures }
}

function fileTrouble(tally: Tally, process: Process, failed: number): string | undefined {
  if (process.killed === 'silent')
    return `hung: nothing happened for too long. Unfinished: ${list(tally.pending.keys())}`
  if (process.killed === 'lingering') {
    return `the tests ended, the process did not: something was left open. Active: ${list(tally.leftovers)}`
  }
  if (process.signal !== null) return `died of ${process.signal}. Unfinished: ${list(tally.pending.keys())}`
  if (tally.verdicts.length === 0 && process.exitCode === 0)
    return 'no test was run: the file has none, or it exited'
  if (!tally.summary) {
    return `ended early with exit code ${process.exitCode}. Unfinished: ${list(tally.pending.keys())}`
  }
  if (process.exitCode !== 0 && failed === 0) {
    return [`failed outside of any test (exit code ${process.exitCode})`, ...tally.complaints].join('\n')
  }
  if (process.orphans) return 'left processes running that its tests had started (they were killed)'
  return undefined
}

function list(names: Iterable<string>): string {
  const all = [...names]
  return all.length === 0 ? 'nothing reported' : all.slice(0, 8).join(', ') + (all.length > 8 ? ', …' : '')
}
