import { FAULT } from '../shm/observation.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { Attempt } from './attempt.ts'
import type { ProxyContext } from './context.ts'

const { connect, silent, closed, reset, timeout, malformed } = FAULT

/** Outcome → `FAULT` before any byte of the response came, and after; absent: the endpoint is not to blame. */
const FAULT_OF: ReadonlyMap<number, readonly [before: number, after: number]> = new Map([
  [OUTCOME['connect-refused'], [connect, connect]],
  [OUTCOME['connect-unreachable'], [connect, connect]],
  [OUTCOME['connect-timeout'], [connect, connect]],
  [OUTCOME['upstream-reset'], [closed, reset]],
  [OUTCOME['upstream-closed'], [closed, reset]],
  [OUTCOME['upstream-timeout'], [silent, timeout]],
  [OUTCOME['upstream-malformed'], [malformed, malformed]],
])

/**
 * Say to the fleet what a try showed of its endpoint: exactly one of an answer, a failure, that it was given up after so long, and nothing. Called before
 * the try ends. `status`: of the endpoint's response, 0 if there was none.
 */
export const observe = (context: ProxyContext, attempt: Attempt, outcome: number, status: number): void => {
  const { cluster, pool, times, reader } = attempt
  const fault = outcome === OUTCOME.complete ? undefined : FAULT_OF.get(outcome)
  if (fault !== undefined) cluster.failed(pool, fault[reader.touched ? 1 : 0], times.tookMs)
  else if (status !== 0) {
    const { answer } = context
    answer.status = status
    answer.firstByteMs = times.firstByteMs
    answer.totalMs = times.tookMs
    cluster.answered(pool, answer, attempt.retryAfterMs)
  } else if (attempt.awaited) cluster.gaveUp(pool, times.tookMs)
}
