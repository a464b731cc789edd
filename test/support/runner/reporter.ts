import { appendFileSync } from 'node:fs'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'
import type { FileEvent } from './events.ts'

/**
 * Runs inside every test process, as node's `--test-reporter`: appends one JSON line per event to `WEIR_TEST_EVENTS`.
 * Written synchronously to a file so that what was reported survives a crash, a `process.exit` or a SIGKILL.
 * The default export is what node's reporter interface asks for.
 */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const line = translate(event)
    if (line !== undefined) appendFileSync(path, `${JSON.stringify(line)}\n`)
  }
  yield ''
}

const path = process.env['WEIR_TEST_EVENTS'] ?? '/dev/null'

// The runner asks a process that does not end for its reasons.
process.once('SIGTERM', () => {
  const resources = process
    .getActiveResourcesInfo()
    .filter((name) => name !== 'SignalWrap' && name !== 'PipeWrap')
  const leftovers: FileEvent = { kind: 'leftovers', resources }
  appendFileSync(path, `${JSON.stringify(leftovers)}\n`)
  process.exit(143)
})

function translate({ type, data }: TestEvent): FileEvent | undefined {
  switch (type) {
    case 'test:enqueue':
      return { kind: 'begun', name: data.name }
    case 'test:complete':
      return { kind: 'done', name: data.name }
    case 'test:pass':
    case 'test:fail': {
      if (data.details.type === 'suite' && type === 'test:pass') return undefined
      const skipped = data.skip !== undefined || data.todo !== undefined
      const failure = type === 'test:fail' && !skipped ? describe(data.details.error) : undefined
      return {
        kind: 'verdict',
        name: data.name,
        depth: data.nesting,
        line: data.line ?? 0,
        ms: data.details.duration_ms,
        verdict: failure !== undefined ? 'failed' : skipped ? 'skipped' : 'passed',
        failure: failure ?? '',
        ofChildren:
          type === 'test:fail' && 'failureType' in data.details.error
            ? data.details.error.failureType === 'subtestsFailed'
            : false,
      }
    }
    case 'test:diagnostic':
      return data.message.startsWith('Error') ? { kind: 'complaint', text: data.message } : undefined
    case 'test:summary':
      return { kind: 'summary', success: data.success }
    default:
      return undefined
  }
}

/** The error the test threw, without node's wrapper around it and without node's own frames. */
function describe(error: Error): string {
  const cause = error.cause ?? error
  const asserted = cause instanceof Error && (cause as { code?: unknown }).code === 'ERR_ASSERTION'
  const options = { depth: 6, breakLength: 110, maxStringLength: 4000, maxArrayLength: 200 }
  const text = asserted ? (cause.stack ?? cause.message) : inspect(cause, options)
  return text.replaceAll(/\n +at [^\n]*node:internal[^\n]*/g, '')
}
