import type { Connections, Engine, EngineOptions } from '../../src/io/engine.ts'

/** The other end of a connection of the engine under test: a client, or what it connected to. Reads by itself until told not to. */
export interface FarEnd {
  send(bytes: Uint8Array | string): void
  /** FIN after everything sent so far; reading goes on. */
  fin(): void
  /** RST. Bytes not yet on the wire may be lost. */
  rst(): void
  stopReading(): void
  startReading(): void
  /** Take at most so many bytes, though it does not read. */
  readSome(bytes: number): void
  readonly received: Uint8Array
  readonly receivedBytes: number
  readonly text: string
  readonly finReceived: boolean
  /** errno once this end learnt that the connection broke, else 0. */
  readonly resetBy: number
}

export type ClientEnd = FarEnd & {
  /** As the engine should see this end: text of the address and port. */
  readonly ip: string
  readonly port: number
}

export type Family = 'ipv4' | 'ipv6' | 'unix'

export type BackendEnd = { readonly address: string; readonly accepted: readonly FarEnd[] }

/** An engine in memory that it was given, not started yet, and a way to be its surroundings. Both worlds implement this: virtual time and real sockets. */
export interface Harness {
  readonly engine: Engine
  readonly options: EngineOptions
  readonly connections: Connections
  /** More than any socket and its peer hold, when the peer does not read. */
  readonly floodBytes: number
  /** As much as gets through to a reading peer well within a second, more than a socket takes at once if that is possible. */
  readonly parcelBytes: number
  /** Another engine of the same process, in memory of its own. */
  sibling(): { readonly engine: Engine; readonly options: EngineOptions }
  /** Another engine with the first one's shard index: its successor, if it has stopped. */
  twin(): { readonly engine: Engine; readonly options: EngineOptions }
  /** Make a listening socket and have the engine accept from it; returns its fd. */
  listen(token: number, family?: Family): number
  client(token: number): Promise<ClientEnd>
  backend(family?: Family): Promise<BackendEnd>
  /** Nobody listens here. */
  refusing(): Promise<string>
  /** Let the world go on until this holds; an error that says `what` if it does not come to pass. */
  until(condition: () => boolean, what: string): Promise<void>
  /** Let this much time go by: for what must not happen. */
  pass(ms: number): Promise<void>
  /** As `Host.hear`. */
  hear(): void
  /** Stop the engines and leave nothing behind. */
  close(): Promise<void>
}

export type MakeHarness = (options?: Partial<EngineOptions>) => Promise<Harness> | Harness
