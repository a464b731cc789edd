/**
 * What a policy of your own is written against: `import type { Policy } from 'weir'`. Types only, so that a module of yours needs nothing of
 * ours when it runs. `src/lab/examples` holds a template and an example.
 */
export type { Rng } from '../base/random.ts'
export type { PolicyOptions } from '../config/snapshot.ts'
export type { Policy } from './policy.ts'
export type { ClusterView, Considered } from './view.ts'
