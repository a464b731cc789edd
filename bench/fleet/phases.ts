/** What the sick one of the four backends does, in order. Its health check path answers 200 throughout: a grey failure. */
export type Mode = 'well' | 'slow' | 'failing' | 'refusing' | 'cold'

export type Phase = { readonly name: string; readonly mode: Mode; readonly seconds: number }

export const phases = (scale: number): readonly Phase[] => [
  { name: 'well', mode: 'well', seconds: 4 * scale },
  { name: 'slow', mode: 'slow', seconds: 8 * scale },
  { name: 'well again', mode: 'well', seconds: 4 * scale },
  { name: 'fails fast', mode: 'failing', seconds: 8 * scale },
  { name: 'refuses', mode: 'refusing', seconds: 5 * scale },
  { name: 'back, cold', mode: 'cold', seconds: 8 * scale },
]

/** The four backends: how many requests each works on at once, and how long one takes. */
export const BACKENDS = 4
export const WORKERS = 4
export const SERVICE_MS = 4
/** One request at the slow one: 20 a second are all it can do. */
export const SLOW_MS = 200
/** A cold one is this many times slower at first and warms up with what it serves. */
export const COLD_FACTOR = 25
export const COLD_REQUESTS = 400
