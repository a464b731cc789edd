import type { ClusterView } from './view.ts'

/** The columns that stay as long as nobody's weight changes. */
export const FIXED_COLUMNS = ['hashes', 'baseWeights', 'warmth', 'weights'] as const

/** … and those that change with every exchange. */
export const MOVING_COLUMNS = [
  'readySinceMs',
  'inFlight',
  'cost',
  'costAtMs',
  'succeeded',
  'failed',
  'latencySumMs',
  'ageMs',
  'utilisation',
  'reportedQps',
  'reportedEps',
  'reportedAtMs',
  'probedRif',
  'probedLatencyMs',
  'probedAtMs',
  'probeSeq',
] as const

export type FixedColumn = (typeof FIXED_COLUMNS)[number]
export type MovingColumn = (typeof MOVING_COLUMNS)[number]
export type ColumnName = FixedColumn | MovingColumn

/** The columns of a view by name, in the order of `columnsOf`. */
export const VIEW_COLUMNS: readonly ColumnName[] = [...FIXED_COLUMNS, ...MOVING_COLUMNS]

export type ViewColumn = Float64Array | Uint32Array

/** The arrays of a view themselves, in the order of `VIEW_COLUMNS`. */
export const columnsOf = (view: ClusterView): readonly ViewColumn[] => VIEW_COLUMNS.map((name) => view[name])
