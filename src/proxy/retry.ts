import type { RetryClass } from '../config/snapshot.ts'
import { OUTCOME } from '../telemetry/outcome.ts'
import type { Attempt } from './attempt.ts'
import type { RequestSide } from './request-side.ts'

const BY_OUTCOME: readonly (RetryClass | undefined)[] = ((): (RetryClass | undefined)[] => {
  const classes = Array.from<RetryClass | undefined>({ length: Object.keys(OUTCOME).length })
  classes[OUTCOME['connect-refused']] = 'connect'
  classes[OUTCOME['connect-unreachable']] = 'connect'
  classes[OUTCOME['connect-timeout']] = 'connect'
  classes[OUTCOME['upstream-reset']] = 'reset'
  classes[OUTCOME['upstream-closed']] = 'reset'
  classes[OUTCOME['upstream-timeout']] = 'timeout'
  return classes
})()

/** Of a failed try, by its outcome; undefined: another endpoint would do no better, or it is not the endpoint's fault. */
export const retryClassOf = (outcome: number): RetryClass | undefined => BY_OUTCOME[outcome]

/** Of a response that nobody has seen yet, by its status. */
export const retryClassOfStatus = (status: number): RetryClass | undefined => {
  switch (status) {
    case 429:
      return '429'
    case 502:
      return '502'
    case 503:
      return '503'
    case 504:
      return '504'
    default:
      return undefined
  }
}

/**
 * May the request go to another endpoint, as far as the request is concerned? If nothing of it has left us, whatever it is: nobody can have
 * acted on it. Else it must be one that may be done twice (RFC 9110 §9.2.2), still be here whole, and, where the connection broke,
 * not a byte of a response may have come.
 */
export const mayRepeat = (request: RequestSide, attempt: Attempt, retryClass: RetryClass): boolean => {
  if (attempt.unsent) return request.replayable
  return request.repeatable && !(retryClass === 'reset' && attempt.reader.touched)
}
