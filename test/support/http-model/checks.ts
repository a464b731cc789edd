import { insist } from './ledger.ts'
import type { Entry } from './ledger.ts'
import { valueOf, valuesOf } from './message.ts'
import type { Message } from './message.ts'
import { padding } from './plan.ts'
import type { RequestPlan } from './request.ts'

/** The fields of a final response, held against the request it answers. */
export const checkResponse = (message: Message, plan: RequestPlan, entry: Entry): void => {
  const requestId = valueOf(message, 'x-request-id') ?? ''
  insist('hops', /^[0-9a-f]{32}$/.test(requestId), `x-request-id: ${requestId}`)
  for (const name of ['keep-alive', 'x-hop-r', 'proxy-authenticate']) {
    insist('hops', valuesOf(message, name).length === 0, `${name} reached a client`)
  }
  insist('http', valuesOf(message, 'date').length === 1, 'one date')
  if (plan.minor === 0) {
    insist('http', valuesOf(message, 'transfer-encoding').length === 0, 'chunked to 1.0')
  }
  if (entry.error !== '') return // the proxy's own
  const { id } = plan.response
  insist('exact', plan.flaw !== 'head', `a malformed request ${id} got ${entry.status}`)
  insist('exact', valueOf(message, 'x-id') === String(id), `${id} got ${valueOf(message, 'x-id')}'s response`)
  if (entry.status === 101) return
  insist('exact', entry.status === plan.response.status, `${id}: ${entry.status}`)
  const { pad, fault } = plan.response
  const padded = pad === 0 || fault === 'garbage' || valueOf(message, 'x-pad') === padding(id, pad)
  insist('exact', padded, `${id}: a large field is not as it was`)
  insist('hops', valueOf(message, 'x-request-echo') === requestId, `${id}: two request ids`)
}

/** Bytes of body that make a response complete: as planned, or as far as a close-delimited one went before its FIN. */
export const expectedBytes = ({ method, response }: RequestPlan, entry: Entry): number => {
  const { status, size, framing, minor } = response
  if (method === 'HEAD' || status === 204 || status === 304) return 0
  const untilClose = framing === 'close' || (framing === 'chunked' && minor === 0)
  return untilClose && entry.closedAt >= 0 ? entry.closedAt : size
}
