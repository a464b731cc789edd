import { CONTRACT_LAWS } from './laws/contract.ts'
import { FAILURE_LAWS } from './laws/failure.ts'
import { FAIRNESS_LAWS } from './laws/fairness.ts'
import { KEY_LAWS } from './laws/keys.ts'
import { MEMBERSHIP_LAWS } from './laws/membership.ts'
import type { Law, Subject } from './laws/law.ts'

/** All laws of policies: what the properties hold the built-in ones to, and `weir policy test` a researcher's. */
export const LAWS: readonly Law[] = [
  ...CONTRACT_LAWS,
  ...FAIRNESS_LAWS,
  ...FAILURE_LAWS,
  ...KEY_LAWS,
  ...MEMBERSHIP_LAWS,
]

export type Verdict = {
  readonly law: string
  readonly excludes: string
  readonly holds: 'yes' | 'no' | 'exempt'
  /** What was seen, or why it is exempt. */
  readonly why: string
}

/** A policy that throws breaks the law that was being tried. */
export const tryLaw = (law: Law, subject: Subject, seed: number): Verdict => {
  const { name, excludes } = law
  try {
    const exempt = law.exempt(subject)
    if (exempt !== '') return { law: name, excludes, holds: 'exempt', why: exempt }
    const why = law.check(subject, seed)
    return { law: name, excludes, holds: why === '' ? 'yes' : 'no', why }
  } catch (thrown) {
    return { law: name, excludes, holds: 'no', why: `it threw: ${String(thrown).slice(0, 500)}` }
  }
}
