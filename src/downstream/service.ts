import type { Head } from '../http/head.ts'
import type { ClientConnection } from './client.ts'
import type { TimedClient } from './timed-client.ts'

/** What a client connection drives while a request of its is under way: a proxied exchange, as far as this side knows. */
export interface RequestHandler {
  /** Bytes after the head: the body and whatever follows it. Returns the offset up to which they were taken. */
  feed(start: number, end: number): number
  /** Write down what somebody else needs to go on with it (`shm/notes.ts`). */
  note(): void
  /** The client sent FIN (it is still there to be closed) or broke off (it is dead). */
  clientGone(reset: boolean): void
  clientBlocked(): void
  clientWritable(): void
  clientRelayDone(status: number, bytes: number): void
  clientTimer(nowMs: number): void
  /** No buffer is left for what the client sent: give up. */
  starved(): void
  /** The shard stops and waits no longer: break off. */
  cut(): void
}

/** What answers requests. Whatever it decides, it has set `client.handler` or replied and said `client.done` before it returns. */
export interface Service {
  begin(client: ClientConnection, head: Head): void
  /** The head is malformed or over a limit: reply and close. */
  reject(client: ClientConnection, rejection: number, head: Head): void
  /** It is between two requests. */
  rests(client: ClientConnection): void
  /** The head did not arrive in time. */
  headTimeout(client: ClientConnection): void
  /** No request came in time; the connection is being closed. */
  idleTimeout(client: ClientConnection): void
  /** It does not read its last response; the connection is being reset. */
  readTimeout(client: ClientConnection): void
  /** Our bounded memory is used up. */
  overloaded(client: ClientConnection): void
  /** It was left alone and is not any more: it hung up, its time is over, or it is dead. */
  letGo(client: TimedClient): void
  closed(client: ClientConnection): void
}
