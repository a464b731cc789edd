/**
 * Bodies for tests: endless pseudo-random streams, one per key, so that a byte that is lost, doubled, moved or out of another body
 * is noticed where it stands. Any part of a stream can be made without the parts before it.
 */
const word = (key: number, index: number): number => {
  // The finaliser of MurmurHash3 over key and index.
  let h = Math.imul(key ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Bytes `[from, from + length)` of the stream. */
export const streamBytes = (key: number, from: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  let bits = word(key, from >>> 2)
  for (let i = 0; i < length; i++) {
    const at = from + i
    if ((at & 3) === 0) bits = word(key, at >>> 2)
    bytes[i] = bits >>> (8 * (at & 3))
  }
  return bytes
}

/** Index of the first byte that is not what the stream has at `from + index`; -1 if all are. */
export const firstMisplaced = (key: number, from: number, bytes: Uint8Array): number => {
  let bits = word(key, from >>> 2)
  for (let i = 0; i < bytes.length; i++) {
    const at = from + i
    if ((at & 3) === 0) bits = word(key, at >>> 2)
    if (bytes[i] !== ((bits >>> (8 * (at & 3))) & 255)) return i
  }
  return -1
}

/** The streams of exchange `id`. */
export const requestKey = (id: number): number => id * 4 + 1
export const responseKey = (id: number): number => id * 4 + 2
/** What goes through its tunnel, there and (echoed) back. */
export const tunnelKey = (id: number): number => id * 4 + 3
