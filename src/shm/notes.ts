/**
 * Connection notes: what a connection was doing, in memory that outlives the thread that served it, so that another can go on. One row per fd;
 * plain stores by the thread whose connection it is; read by main and by heirs once that thread is dead, or handed the connection over.
 *
 * A note is of the connection whose generation it names: a row of an earlier tenant is recognised and means nothing. Whoever takes a connection over
 * writes its own note.
 */

export const NOTE_WORDS = 8

/** Words (Int32) of a note. */
export const NOTE = {
  /** Written last of all by `set`, first by nobody: a half-written note names no living connection. */
  generation: 0,
  /** `ROLE`. */
  role: 1,
  /** Of a client: its listener's id. Of an upstream: its endpoint's slot. */
  owner: 2,
  /** Of a client: requests begun on it. Of an upstream: the generation of its endpoint's slot. */
  count: 3,
  /** `partial`: bytes read and not understood. `asking`: the request as it goes to endpoints, head and a small body. Offset in `mem` and length. `tunnel`: fd and generation of the other side. */
  start: 4,
  length: 5,
  /** `asking`, `responding`, `tunnel`: cluster's slot. */
  cluster: 6,
  /** Monotonic ms, truncated to int32, when the connection was opened. */
  openedMs: 7,
} as const

export const ROLE = {
  none: 0,
  /** A client between two requests, nothing of the next one read. */
  idle: 1,
  /** A client of which part of a head (or a pipelined request) was read. */
  partial: 2,
  /** A client whose request is under way, no byte of a response sent, and which may be sent again: the request is at hand. */
  asking: 3,
  /** The same, but it may not be sent again: it gets a 502. */
  waiting: 4,
  /** A client that has part of a response. */
  responding: 5,
  /** Either side of a tunnel. */
  tunnel: 6,
  /** An upstream connection that is idle in its pool. */
  pooled: 7,
  /** An upstream connection that is connecting or in use. */
  busy: 8,
} as const
export type Role = (typeof ROLE)[keyof typeof ROLE]

/** The notes of all descriptors; see `fleet.notes`. */
export class ConnectionNotes {
  /** For the hot path: rows of `NOTE_WORDS`, by fd. */
  readonly words: Int32Array
  readonly capacity: number

  constructor(words: Int32Array) {
    this.words = words
    this.capacity = Math.floor(words.length / NOTE_WORDS)
  }

  /** The role that is noted of this very connection; `ROLE.none` if nothing is. */
  roleOf(fd: number, generation: number): Role {
    if (fd < 0 || fd >= this.capacity) return ROLE.none
    const at = fd * NOTE_WORDS
    if (this.words[at + NOTE.generation] !== generation) return ROLE.none
    return (this.words[at + NOTE.role] ?? ROLE.none) as Role
  }

  /** A word of the note of `fd`, whoever it is of. */
  read(fd: number, word: number): number {
    return this.words[fd * NOTE_WORDS + word] ?? 0
  }
}
