/**
 * Connection notes: what a connection was doing, in memory that outlives the thread that served it, so that another can go on. One row per fd;
 * plain stores by the thread whose connection it is; read by main and by heirs once that thread is dead, or handed the connection over.
 *
 * A note is of the connection whose generation it names: a row of an earlier tenant is recognised and means nothing. Whoever takes a connection over
 * writes its own note.
 *
 * Law: at any instruction at which the thread may end, the note tells the truth, or what was true before while what makes it untrue is not done
 * yet, or `none`. So the role is lowered before something is decided that it does not allow (an op that sends the first byte of a response), and raised
 * behind that; while the words that go with a role change, the role is `none`.
 */

/** A cache line: neighbours in the table are connections of different shards. */
export const NOTE_WORDS = 16

/** Words (Int32) of a note. */
export const NOTE = {
  /** Written last of all when a connection is new: a half-written note names no living connection. */
  generation: 0,
  /** `ROLE`. */
  role: 1,
  /** Of a client: its listener's id. Of an upstream: its endpoint's slot. */
  owner: 2,
  /** Of a client: requests begun on it. Of an upstream: the generation of its endpoint's slot. */
  count: 3,
  /** `asking`: the request as it goes to endpoints, head and a small body. Offset in `mem` and length. */
  start: 4,
  length: 5,
  /** `asking`, `waiting`, `responding`, `tunnel`: cluster's slot. */
  cluster: 6,
  /** Monotonic ms, truncated to int32, when the connection was opened. */
  openedMs: 7,
  /** `NOTE_FLAG` bits. */
  flags: 8,
  /** `asking`, `tunnel`: index of the route in the snapshot. */
  route: 9,
  /** `asking`: monotonic ms, truncated to int32, when the request began. */
  startedMs: 10,
  /** Of a client, but while it is `waiting` or `responding`: bytes read and not understood. Offset in `mem`, and how many. */
  carried: 11,
  carriedBytes: 12,
  /** `tunnel`: the other side. `busy`: the client it works for. fd and generation; 0: nobody. */
  peer: 13,
  peerGeneration: 14,
} as const

export const NOTE_FLAG = {
  /** Of a request: its client's connection may carry another behind it. */
  keepAlive: 1,
  /** Of a request: its client speaks HTTP/1.1, not 1.0. */
  minor: 2,
  /** The connection is one to an endpoint. */
  upstream: 8,
  /** It is being handed over: the new owner's generation is the next one. */
  handed: 16,
} as const

/** Above the flags, of a request: how many shards it outlived (`flags >> RESCUES_AT`). */
export const RESCUES_AT = 8

export const ROLE = {
  /** Nothing that anybody could go on with. */
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

/** The generation that a connection gets when it passes from one shard to another (native/table.cc). */
const next = (generation: number): number => (generation + 1) | 0 || 1

/** The notes of all descriptors; see `fleet.notes`. */
export class ConnectionNotes {
  /** For the hot path: rows of `NOTE_WORDS`, by fd. */
  readonly words: Int32Array
  readonly capacity: number

  constructor(words: Int32Array) {
    this.words = words
    this.capacity = Math.floor(words.length / NOTE_WORDS)
  }

  /** The role that is noted of this very connection; `ROLE.none` if nothing is. A new owner that has not noted it yet finds the note of the one before. */
  roleOf(fd: number, generation: number): Role {
    if (fd < 0 || fd >= this.capacity) return ROLE.none
    const noted = this.read(fd, NOTE.generation)
    const handed = (this.read(fd, NOTE.flags) & NOTE_FLAG.handed) !== 0
    if (noted !== generation && !(handed && next(noted) === generation)) return ROLE.none
    return this.read(fd, NOTE.role) as Role
  }

  /** A word of the note of `fd`, whoever it is of. */
  read(fd: number, word: number): number {
    return this.words[fd * NOTE_WORDS + word] ?? 0
  }

  /** Change what is noted of `fd`, whose thread has ended. Writer: main. */
  setRole(fd: number, role: Role): void {
    this.words[fd * NOTE_WORDS + NOTE.role] = role
  }
}
