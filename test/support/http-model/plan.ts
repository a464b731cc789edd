/**
 * What a backend is to do with a request: written into the request's target, so that whoever sends a request (a scripted client,
 * curl) says how it is answered.
 *
 *     /id/size/framing?status=200&fault=rst&at=120&…
 */

export type ResponseFraming = 'length' | 'chunked' | 'close'

/** What goes wrong when `at` bytes of the response are out. */
export type Fault = 'none' | 'hang' | 'fin' | 'rst' | 'garbage' | 'surplus'

export type ResponsePlan = {
  readonly id: number
  /** Bytes of the body. */
  readonly size: number
  readonly framing: ResponseFraming
  readonly status: number
  /** HTTP/1.x of the response. */
  readonly minor: number
  /** Statuses of interim responses, sent when the request's head is there. */
  readonly interim: readonly number[]
  /** Answer when the head is there, and do not wait for the body. */
  readonly early: boolean
  /** Answer so long after the request. */
  readonly delayMs: number
  readonly fault: Fault
  /** Bytes of the response before the fault. */
  readonly at: number
  /** Say `connection: close` and do it. */
  readonly close: boolean
  /** Close the connection when it was idle for so long; -1: never. */
  readonly idleMs: number
  /** Chunk extensions and trailers, fields for one hop. */
  readonly frills: boolean
  /** Stop reading for so long once the request's head is there; -1: for ever. */
  readonly deafMs: number
  /** Bytes that go through the tunnel each way, if the request asks for one. */
  readonly tunnel: number
  /** Pause between the pieces of the response. */
  readonly gapMs: number
  /** Bytes of a field that makes the head so much larger. */
  readonly pad: number
}

export const PLAIN: Omit<ResponsePlan, 'id' | 'size'> = {
  framing: 'length',
  status: 200,
  minor: 1,
  interim: [],
  early: false,
  delayMs: 0,
  fault: 'none',
  at: 0,
  close: false,
  idleMs: -1,
  frills: false,
  deafMs: 0,
  tunnel: 0,
  gapMs: 0,
  pad: 0,
}

type OptionName = Exclude<keyof typeof PLAIN, 'framing'>

export const encodePlan = (plan: ResponsePlan): string => {
  const options = (Object.keys(PLAIN) as (keyof typeof PLAIN)[])
    .filter((name): name is OptionName => name !== 'framing' && String(plan[name]) !== String(PLAIN[name]))
    .map((name) => `${name}=${String(plan[name])}`)
  const query = options.length === 0 ? '' : `?${options.join('&')}`
  return `/${plan.id}/${plan.size}/${plan.framing}${query}`
}

export const decodePlan = (target: string): ResponsePlan => {
  const [path = '', query = ''] = target.split('?')
  const [, id, size, framing = 'length'] = path.split('/')
  const given = new Map(query.split('&').map((pair) => pair.split('=') as [string, string]))
  const number = (name: OptionName): number => Number(given.get(name) ?? PLAIN[name])
  return {
    id: Number(id),
    size: Number(size ?? 0),
    framing: framing as ResponseFraming,
    status: number('status'),
    minor: number('minor'),
    interim: (given.get('interim') ?? '').split(',').filter(Boolean).map(Number),
    early: given.get('early') === 'true',
    delayMs: number('delayMs'),
    fault: (given.get('fault') ?? 'none') as Fault,
    at: number('at'),
    close: given.get('close') === 'true',
    idleMs: number('idleMs'),
    frills: given.get('frills') === 'true',
    deafMs: number('deafMs'),
    tunnel: number('tunnel'),
    gapMs: number('gapMs'),
    pad: number('pad'),
  }
}

/** The value of a padding field of exchange `id`. */
export const padding = (id: number, bytes: number): string =>
  String.fromCharCode(97 + (id % 26)).repeat(bytes)
