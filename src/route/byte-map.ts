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

/** ASCII lower case of one byte. */
export function foldByte(byte: number): number {
  return (byte - 65) >>> 0 < 26 ? byte + 32 : byte
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

  /** The value of the key equal to `bytes[start, end)`, or -1. */
  find(hash: number, group: number, bytes: Uint8Array, start: number, end: number): number {
    const { values, hashes, groups, lengths, mask } = this
    for (let at = slotOf(hash, mask); values[at]! !== EMPTY; at = (at + 1) & mask) {
      if (hashes[at]! !== hash || groups[at]! !== group || lengths[at]! !== end - start) continue
      if (this.sameBytes(this.offsets[at]!, bytes, start, end)) return values[at]!
    }
    return EMPTY
  }

  /** The same for keys in lower case and a span in any case. */
  findFolded(hash: number, group: number, bytes: Uint8Array, start: number, end: number): number {
    const { values, hashes, groups, lengths, mask } = this
    for (let at = slotOf(hash, mask); values[at]! !== EMPTY; at = (at + 1) & mask) {
      if (hashes[at]! !== hash || groups[at]! !== group || lengths[at]! !== end - start) continue
      if (this.sameFolded(this.offsets[at]!, bytes, start, end)) return values[at]!
    }
    return EMPTY
  }

  private sameBytes(offset: number, bytes: Uint8Array, start: number, end: number): boolean {
    const pool = this.pool
    for (let i = start, j = offset; i < end; i++, j++) if (bytes[i]! !== pool[j]!) return false
    return true
  }

  private sameFolded(offset: number, bytes: Uint8Array, start: number, end: number): boolean {
    const pool = this.pool
    for (let i = start, j = offset; i < end; i++, j++) if (foldByte(bytes[i]!) !== pool[j]!) return false
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
