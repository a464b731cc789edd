import { NOT_ARMED } from '../base/wheel.ts'
import { NOTE, NOTE_FLAG, NOTE_WORDS, ROLE } from '../shm/notes.ts'
import type { Role } from '../shm/notes.ts'
import type { Armed, Reactor } from './reactor.ts'

/** What a connection is told that was broken off by a bug of ours. */
const ECONNABORTED = 103

/** Why reading from a connection is held back; reading goes on when no reason is left. */
export const HOLD = {
  /** What we read from it cannot be sent on: the other side is blocked. */
  peerBlocked: 1,
  /** What was read already cannot be used yet: pipelined requests, a body whose connection is not there yet. */
  unread: 2,
  /** It was refused for overload, and is left alone until it was asked to come back. */
  refused: 4,
  /** Its shard leaves and there is nobody to give it to: its successor reads on. */
  leaving: 8,
} as const

/**
 * A connection as TypeScript sees it: a handle into the process's table, one coarse timer, and what happens to it.
 * This file knows neither which side it is nor what it speaks.
 */
export abstract class Connection implements Armed {
  timerSlot: number = NOT_ARMED
  readonly reactor: Reactor
  readonly fd: number
  readonly generation: number
  /** Our output is queued natively: stop sourcing. */
  blocked = false
  /** The engine moves its input on by itself. */
  relaying = false
  /** The peer sent FIN. */
  ended = false
  /** So it has, but what it sent before is not read yet. */
  hungUp = false
  /** The handle died: closed by us, reset or failed. Nothing may be done to it any more. */
  dead = false
  /** When something last moved, as far as we know; see `idleMs`. */
  lastActiveMs: number
  /** Where its note begins in `reactor.notes`. */
  readonly note: number
  #lastProgress = 0
  #holds = 0

  constructor(reactor: Reactor, fd: number, generation: number) {
    this.reactor = reactor
    this.fd = fd
    this.generation = generation
    this.lastActiveMs = reactor.nowMs
    this.note = fd * NOTE_WORDS
  }

  abstract onData(start: number, end: number): void
  abstract onEnd(): void
  /** It broke; `dead` is already set. */
  abstract onReset(errno: number): void
  abstract onConnected(): void
  abstract onBlocked(): void
  abstract onWritable(): void
  abstract onRelayDone(status: number, bytes: number): void
  /** The timer's deadline passed; it is disarmed. */
  abstract onTimer(nowMs: number): void
  /** The peer sent FIN while it was not being read: what came before that is not known. */
  onHangup(): void {
    this.hungUp = true
  }
  /** Called at the end of the batch after `reactor.defer(this)`. */
  onDeferred(): void {}

  hold(reason: number): void {
    if (this.#holds === 0 && !this.dead) this.reactor.ops.pause(this)
    this.#holds |= reason
  }

  unhold(reason: number): void {
    if ((this.#holds & reason) === 0) return
    this.#holds &= ~reason
    if (this.#holds === 0 && !this.dead) this.reactor.ops.resume(this)
  }

  get held(): boolean {
    return this.#holds !== 0
  }

  /**
   * Its note is its own still. Of one that broke, the row that says so may be behind those that concern it in its batch, and by then another shard may have
   * accepted the next tenant of its fd: that one's note is not to be written to.
   */
  get noted(): boolean {
    return this.reactor.notes[this.note + NOTE.generation] === this.generation
  }

  /** Begin its note, which counts from now on. `flags`: `NOTE_FLAG`. */
  openNote(role: Role, owner: number, flags: number, openedMs: number): void {
    const { notes } = this.reactor
    const at = this.note
    notes[at + NOTE.generation] = 0 // nobody's: the tenant before may not know yet that it broke
    notes[at + NOTE.role] = role
    notes[at + NOTE.owner] = owner
    notes[at + NOTE.flags] = flags
    notes[at + NOTE.openedMs] = openedMs
    notes[at + NOTE.count] = 0
    notes[at + NOTE.carriedBytes] = 0
    notes[at + NOTE.peerGeneration] = 0
    notes[at + NOTE.generation] = this.generation
  }

  /** There is nothing more to go on with. The fd may have its next tenant already. */
  endNote(): void {
    this.noteRole(ROLE.none)
  }

  noteRole(role: Role): void {
    if (this.noted) this.reactor.notes[this.note + NOTE.role] = role
  }

  /** `tunnel`, `busy`: with whom. */
  notePeer(role: Role, peer: Connection): void {
    if (!this.noted) return
    const { notes } = this.reactor
    const at = this.note
    notes[at + NOTE.role] = ROLE.none
    notes[at + NOTE.peer] = peer.fd
    notes[at + NOTE.peerGeneration] = peer.generation
    notes[at + NOTE.role] = role
  }

  /** Close after what is queued went out, reading (and discarding) for up to `lingerMs` so that the peer can read our last words. */
  close(lingerMs: number): void {
    if (this.dead) return
    this.reactor.ops.close(this, lingerMs)
    this.#bury()
  }

  /** Close with RST: the peer must not take what it has for complete. */
  abort(): void {
    if (this.dead) return
    this.reactor.ops.reset(this)
    this.#bury()
  }

  /** As if it had broken. */
  breakOff(): void {
    this.abort()
    this.onReset(ECONNABORTED)
  }

  /** Pass it on to another shard, which goes by its note. The handle dies here. */
  handOver(shard: number): void {
    if (this.dead) return
    const { notes, ops } = this.reactor
    if (this.noted) notes[this.note + NOTE.flags]! |= NOTE_FLAG.handed
    ops.handover(this, shard, this.generation)
    this.dead = true
    this.reactor.forget(this)
  }

  /** Output that waits here for the peer to read: also what another connection's relay feeds, of which no `blocked` tells. */
  get queuedBytes(): number {
    return this.reactor.engine.queued(this.fd, this.generation)
  }

  /** Bytes received and bytes the peer acknowledged, over its life. Asked by timers, not for every event. */
  progress(): number {
    return this.reactor.engine.progress(this.fd, this.generation)
  }

  /**
   * For how long nothing moved. What passes through us is noted by `lastActiveMs`; what the engine relays on its own, and what the
   * peer took of what was sent, is only seen by comparing two readings, so such movement counts from the reading that found it.
   * `alone`: bytes move here without our doing, by a relay or out of the queue.
   */
  idleMs(nowMs: number, alone: boolean): number {
    const progress = this.progress()
    if (progress > this.#lastProgress) {
      // The first reading after bytes that we saw ourselves must not count as fresh movement: it is only taken note of.
      if (alone) this.lastActiveMs = nowMs
      this.#lastProgress = progress
    }
    return nowMs - this.lastActiveMs
  }

  #bury(): void {
    this.dead = true
    this.reactor.forget(this)
    this.endNote()
  }
}
