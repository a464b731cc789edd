import type { ClientPlan } from '../http-model/client.ts'
import type { Fault, ResponsePlan } from '../http-model/plan.ts'
import { plainRequest } from '../http-model/request.ts'
import type { RequestPlan } from '../http-model/request.ts'
import { plainPlan } from '../http-model/response.ts'
import type { Chance } from '../sim/chance.ts'

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'] as const
const FAULTS: readonly Fault[] = ['hang', 'fin', 'rst', 'garbage', 'surplus']
const MISDEEDS = ['rst', 'close', 'fin', 'stall'] as const

/** Mostly small, a few beyond what the engine relays by itself. */
const drawSize = (chance: Chance): number => {
  if (chance.happens(0.1)) return 0
  const most = chance.happens(0.6) ? 200 : chance.happens(0.75) ? 5000 : 120_000
  return chance.size([1, most])
}

const pick = <T>(chance: Chance, from: readonly T[]): T => {
  const chosen = from[chance.below(from.length)]
  if (chosen === undefined) throw new RangeError('nothing to pick from')
  return chosen
}

export const drawClient = (
  chance: Chance,
  { calm, index, firstId }: { calm: boolean; index: number; firstId: number },
): ClientPlan => {
  const count = 1 + chance.below(5)
  const requests = Array.from({ length: count }, (_, i) =>
    drawRequest(chance, firstId + i, { calm, last: i === count - 1 }),
  )
  return {
    ip: index % 5 === 0 ? `2001:db8::${index + 1}` : `192.0.2.${index + 1}`,
    requests,
    pipelined:
      requests.every(({ expectMs, flaw }) => expectMs < 0 && flaw !== 'stall' && flaw !== 'late-head') &&
      chance.happens(0.3),
    misdeed: calm || chance.happens(0.75) ? 'none' : pick(chance, MISDEEDS),
    misdeedMs: chance.size([1, 1500]),
  }
}

type Place = { readonly calm: boolean; readonly last: boolean }

const drawRequest = (chance: Chance, id: number, { calm, last }: Place): RequestPlan => {
  // What ends the connection comes last; in a storm, anywhere.
  const mayClose = last || (!calm && chance.happens(0.2))
  if (last && chance.happens(0.08)) return drawUpgrade(chance, id, calm)
  const method = pick(chance, METHODS)
  const body =
    method === 'GET' || method === 'HEAD' ? 'none' : pick(chance, ['none', 'length', 'chunked'] as const)
  const minor = mayClose && body !== 'chunked' && chance.happens(0.2) ? 0 : 1
  const size = body === 'none' ? 0 : drawSize(chance)
  const response = drawResponse(chance, id, { calm, mayClose, uploads: size > 0, minor })
  const connection =
    mayClose && chance.happens(0.2) ? 'close' : minor === 0 && chance.happens(0.5) ? 'keep-alive' : ''
  return plainRequest(response, {
    method,
    minor,
    body,
    size,
    connection,
    expectMs: size > 0 && minor === 1 && chance.happens(0.2) ? 100 : -1,
    frills: chance.happens(0.3),
    pad: drawPad(chance),
    flaw: calm || chance.happens(0.9) ? 'none' : drawFlaw(chance, body, size),
    gapMs: chance.happens(0.7) ? 0 : chance.size([1, calm ? 1000 : 2500]),
  })
}

/** Now and then a head that no one read brings whole. */
const drawPad = (chance: Chance): number => (chance.happens(0.9) ? 0 : chance.size([100, 24_000]))

const drawFlaw = (chance: Chance, body: RequestPlan['body'], size: number): RequestPlan['flaw'] => {
  if (chance.happens(0.3)) return 'head'
  if (chance.happens(0.2)) return 'late-head'
  if (body === 'chunked' && chance.happens(0.5)) return 'chunk'
  return size > 1 ? 'stall' : 'none'
}

const drawUpgrade = (chance: Chance, id: number, calm: boolean): RequestPlan => {
  const parts = { tunnel: 1 + drawSize(chance), close: chance.happens(0.5), ...drawFault(chance, calm) }
  const flaw = calm || chance.happens(0.7) ? 'none' : 'stall'
  return plainRequest(plainPlan(id, 0, parts), { upgrade: true, frills: chance.happens(0.3), flaw })
}

type Answering = Place & { readonly mayClose: boolean; readonly uploads: boolean; readonly minor: number }

const drawResponse = (
  chance: Chance,
  id: number,
  { calm, mayClose, uploads, minor }: Omit<Answering, 'last'>,
): ResponsePlan => {
  const framing = pick(chance, ['length', 'length', 'chunked', 'chunked', 'close'] as const)
  return plainPlan(id, drawSize(chance), {
    framing,
    status: chance.happens(0.85) ? 200 : pick(chance, [201, 204, 304, 404, 500]),
    minor: chance.happens(0.9) ? 1 : 0,
    interim:
      minor === 1 && chance.happens(0.2) ? pick(chance, [[100], [103], [103, 100], [100, 103, 103]]) : [],
    early: uploads && mayClose && chance.happens(0.3),
    delayMs: chance.happens(0.6) ? 0 : chance.size([1, calm ? 2000 : 2500]),
    close: chance.happens(0.15),
    idleMs: !calm && chance.happens(0.3) ? chance.size([1, 1000]) : -1,
    frills: chance.happens(0.3),
    deafMs: uploads && chance.happens(0.15) ? chance.size([1, 1000]) : 0,
    gapMs: chance.happens(0.9) ? 0 : chance.size([1, 50]),
    pad: drawPad(chance),
    ...drawFault(chance, calm),
  })
}

const drawFault = (chance: Chance, calm: boolean): Partial<ResponsePlan> => {
  if (calm || chance.happens(0.8)) return {}
  return { fault: pick(chance, FAULTS), at: chance.happens(0.3) ? 0 : chance.size([1, 20_000]) }
}
