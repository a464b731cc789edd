import type { ClientConnection } from '../downstream/client.ts'
import { NOTE, NOTE_FLAG, RESCUES_AT, ROLE } from '../shm/notes.ts'
import type { RequestSide } from './request-side.ts'
import type { ResponseSide } from './response-side.ts'
import type { Destination } from './routing.ts'

/** Write down in its client's note how far an exchange is, so that another shard can end it as well as can be. */
export const noteExchange = (
  client: ClientConnection,
  request: RequestSide,
  response: ResponseSide,
  destination: Destination,
): void => {
  if (!client.noted) return
  const { notes } = client.reactor
  const at = client.note
  notes[at + NOTE.role] = ROLE.none
  notes[at + NOTE.start] = request.start
  notes[at + NOTE.length] = request.length
  notes[at + NOTE.cluster] = destination.cluster.spec.id
  notes[at + NOTE.route] = destination.route
  notes[at + NOTE.startedMs] = request.startedMs
  notes[at + NOTE.flags] =
    (response.wantsKeepAlive ? NOTE_FLAG.keepAlive : 0) |
    (request.minor === 1 ? NOTE_FLAG.minor : 0) |
    (request.rescues << RESCUES_AT)
  notes[at + NOTE.role] = roleOf(request, response)
}

/** It is about to be sent, and may not be sent twice. Where its note does not tell of this request yet, it tells of nothing. */
export const noteSending = (client: ClientConnection): void => {
  if (client.reactor.notes[client.note + NOTE.role] === ROLE.asking) client.noteRole(ROLE.waiting)
}

const roleOf = (request: RequestSide, response: ResponseSide): (typeof ROLE)[keyof typeof ROLE] => {
  if (response.touched) return ROLE.responding
  return request.rescuable ? ROLE.asking : ROLE.waiting
}
