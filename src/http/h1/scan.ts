/** Scanning four bytes at a time: most bytes of a head are values, and most of what can be wrong with them is a byte below 32. */
import { VALUE } from '../chars.ts'

const TAB = 9

/**
 * Offset of the first byte in `[start, stop)` that no field value may hold (`VALUE`), or `stop`.
 *
 * Per word: `(w - 0x20…) & ~w` has the high bit of every byte below 32 set, `(x - 0x01…) & ~x` with x = w ^ 0x7f… that of every DEL.
 * Borrows may set bits above a true one, never below: the lowest is right.
 */
export function valueEnd(view: DataView, start: number, stop: number): number {
  let p = start
  while (p + 4 <= stop) {
    const w = view.getInt32(p, true)
    const x = w ^ 0x7f7f7f7f
    const flags = (((w - 0x20202020) & ~w) | ((x - 0x01010101) & ~x)) & 0x80808080
    if (flags === 0) {
      p += 4
      continue
    }
    p += (31 - Math.clz32(flags & -flags)) >> 3
    if (view.getUint8(p) !== TAB) return p
    p++
  }
  while (p < stop && VALUE[view.getUint8(p)] !== 0) p++
  return p
}
