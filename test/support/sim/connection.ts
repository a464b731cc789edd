import { ByteQueue } from './bytes.ts'
import type { Task } from './clockwork.ts'
import type { SimSocket, SocketUser } from './socket.ts'

/** A relay whose source holds this. `left` is Infinity for "until the source ends". */
export type SimRelay = { readonly to: SimConnection; left: number; moved: number }

/** Names a connection while it lives: its slot, and which tenant of the slot it is. */
export type Handle = { readonly fd: number; readonly generation: number }

/** What a connection tells the engine that owns it. */
export interface ConnectionOwner {
  readonly shard: number
  readonly stopped: boolean
  markReady(connection: SimConnection): void
}

/** An engine's end of a connection: a slot of the process's table. */
export class SimConnection implements SocketUser {
  /** IP and port of the other end, as `peerOf` has them. */
  peer = 'unix: 0'
  /** Of the listener it was accepted from. */
  token = -1
  readonly fd: number
  readonly socket: SimSocket
  /** Accepted from a listener (counts toward `maxConnections`), not made by `connect`. */
  readonly accepted: boolean
  /** 0 once the handle is dead. */
  generation: number
  owner: ConnectionOwner
  /** Connecting until `connected` was reported. */
  connecting: boolean
  paused = false
  /** The peer's FIN was reported (or consumed by a relay). */
  ended = false
  /** `hangup` was reported by this owner. */
  hangupSaid = false
  /** `blocked` was reported, `writable` not yet. */
  blocked = false
  /** FIN is to follow the output queue. */
  shutdown = false
  /** errno of a failed send or an overflow: a `reset` row is due. */
  failure = 0
  /** The handle died by `close`; flushes and lingers without TypeScript. */
  lingering = false
  /** 0: no reads of what still arrives. */
  lingerMs = 0
  /** Given up then, unless its output moves before. */
  lingerUntilMs = 0
  /** `progress` when last looked at. */
  lingerTaken = 0
  lingerBytes = 0
  deadline: Task | null = null
  readonly out: ByteQueue = new ByteQueue()
  relay: SimRelay | null = null
  /** The source that relays into this connection; there is at most one. */
  feeder: SimConnection | null = null
  bytesIn = 0
  /** Bytes the socket took; see `progress`. */
  bytesOut = 0
  /** In the owner's list of ready connections. */
  listed = false

  constructor({ fd, generation }: Handle, socket: SimSocket, owner: ConnectionOwner, accepted: boolean) {
    this.fd = fd
    this.generation = generation
    this.socket = socket
    this.owner = owner
    this.accepted = accepted
    this.connecting = !accepted
    socket.user = this
  }

  /** As `Engine.progress` has it. */
  get progress(): number {
    return this.bytesIn + this.bytesOut - this.socket.unacknowledged
  }

  /** The peer's FIN is there, and nobody reads up to it. */
  get owesHangup(): boolean {
    return this.paused && this.socket.finArrived && !this.ended && !this.hangupSaid
  }

  get alive(): boolean {
    return this.generation !== 0
  }

  readable(): void {
    this.owner.markReady(this)
  }

  writable(): void {
    this.owner.markReady(this)
  }
}
