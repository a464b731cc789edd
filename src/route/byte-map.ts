/**
 * A frozen hash map from byte strings to small numbers, looked up by a span of somebody else's buffer: no string, no
 * allocation. Open addressing at a load of at most one half, so that every probe ends. The caller computes the hash
 * as it walks the bytes (one walk serves many look-ups) and must have used the same walk to insert.
 *
 * Only the operator's keys are inserted, so a client cannot lengthen a probe; a colliding span costs one comparison.
 * A key belongs to a `group` (the host of a path, say), so that one map serves many small tables.
 */
const EMPTY = -1
const PRIME = 0x01000193

/** Start of a hash over a key in `group`. */
export function hashSeed(group: number): number {
  return Math.imul(group + 1, 0x9e3779b1)
}

/** FNV-1a, one byte. */
export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, PRIME)
}

/** For hashing text in any case: letters of both cases become one; other bytes may too, which costs a comparison and no more. */
export function hashAnyCase(hash: number, byte: number): number {
  return Math.imul(hash ^ (byte | 0x20), PRIME)
}

/** A key to look up: a span of the bytes it is looked up with. Reused from one look-up to the next. */
export class Probe {
  hash = 0
  group = 0
  start = 0
  end = 0
}

export type ByteEntry = {
  readonly hash: number
  readonly group: number
  readonly key: Uint8Array
  /** ≥ 0 */
  readonly value: number
}

export class ByteMap {
  readonly size: number
  private readonly mask: number
  private readonly values: Int32Array
  private readonly hashes: Int32Array
  private readonly groups: Int32Array
  private readonly offsets: Int32Array
  private readonly lengths: Int32Array
  private readonly pool: Uint8Array

  constructor(entries: readonly ByteEntry[]) {
    let capacity = 8
    while (capacity < entries.length * 2) capacity *= 2
    this.size = entries.length
    this.mask = capacity - 1
    this.values = new Int32Array(capacity).fill(EMPTY)
    this.hashes = new Int32Array(capacity)
    this.groups = new Int32Array(capacity)
    this.offsets = new Int32Array(capacity)
    this.lengths = new Int32Array(capacity)
    this.pool = new Uint8Array(entries.reduce((sum, entry) => sum + entry.key.length, 0))
    let offset = 0
    for (const entry of entries) {
      this.insert(entry, offset)
      offset += entry.key.length
    }
  }

  /** The value of the key equal to `bytes[start, end)` of the probe's group, or -1. */
  find(bytes: Uint8Array, probe: Probe): number {
    const { values, mask } = this
    for (let at = slotOf(probe.hash, mask); values[at] !== EMPTY; at = (at + 1) & mask) {
      if (this.mayBe(at, probe) && this.sameBytes(at, bytes, probe.start)) return values[at]!
    }
    return EMPTY
  }

  /** The same for keys in lower case and a span in any case. */
  findAnyCase(bytes: Uint8Array, probe: Probe): number {
    const { values, mask } = this
    for (let at = slotOf(probe.hash, mask); values[at] !== EMPTY; at = (at + 1) & mask) {
      if (this.mayBe(at, probe) && this.sameLetters(at, bytes, probe.start)) return values[at]!
    }
    return EMPTY
  }

  private mayBe(at: number, probe: Probe): boolean {
    return (
      this.hashes[at] === probe.hash &&
      this.groups[at] === probe.group &&
      this.lengths[at] === probe.end - probe.start
    )
  }

  private sameBytes(at: number, bytes: Uint8Array, start: number): boolean {
    const { pool } = this
    const offset = this.offsets[at]!
    const length = this.lengths[at]!
    for (let i = 0; i < length; i++) if (bytes[start + i] !== pool[offset + i]) return false
    return true
  }

  private sameLetters(at: number, bytes: Uint8Array, start: number): boolean {
    const { pool } = this
    const offset = this.offsets[at]!
    const length = this.lengths[at]!
    for (let i = 0; i < length; i++) if (lowerCase(bytes[start + i]!) !== pool[offset + i]) return false
    return true
  }

  private insert(entry: ByteEntry, offset: number): void {
    let at = slotOf(entry.hash, this.mask)
    while (this.values[at]! !== EMPTY) at = (at + 1) & this.mask
    this.values[at] = entry.value
    this.hashes[at] = entry.hash
    this.groups[at] = entry.group
    this.offsets[at] = offset
    this.lengths[at] = entry.key.length
    this.pool.set(entry.key, offset)
  }
}

function slotOf(hash: number, mask: number): number {
  return (hash ^ (hash >>> 15)) & mask
}

/** ASCII. */
function lowerCase(byte: number): number {
  return (byte - 65) >>> 0 < 26 ? byte + 32 : byte
}
