import { FIELD_STRIDE, VALUE_END, VALUE_START } from './head.ts'
import type { Head } from './head.ts'
import { FIELD } from './names.ts'
import { SP, TAB } from './chars.ts'

const SEMICOLON = 59
const EQUALS = 61

/**
 * Finds cookies by name in all Cookie fields of a head, in the order received (RFC 6265 §4.2; HTTP/2 may split the field, RFC 9113 §8.2.3). What is no
 * `name=value` is passed over, names have case, quotes belong to the value. One pass over the fields, whatever is in them; allocates nothing.
 */
export class CookieFinder {
  /** The value found, in the head's bytes. */
  start = 0
  end = 0
  #head: Head | undefined
  #name: Uint8Array = new Uint8Array(0)
  #field = -1
  #at = 0
  #fieldEnd = 0

  /** Begin anew: cookies of this name in this head, whose bytes must stay until the last `next`. */
  seek(head: Head, name: Uint8Array): void {
    this.#head = head
    this.#name = name
    this.#field = -1
    this.#at = this.#fieldEnd = 0
  }

  /** Go to the next one; false when there is none. */
  next(): boolean {
    const head = this.#head
    if (head === undefined) return false
    for (;;) {
      if (this.#at >= this.#fieldEnd && !this.#nextField(head)) return false
      if (this.#pair(head.bytes)) return true
    }
  }

  #nextField(head: Head): boolean {
    this.#field = head.find(FIELD.cookie, this.#field + 1)
    if (this.#field < 0) {
      this.#head = undefined
      return false
    }
    this.#at = head.fields[this.#field * FIELD_STRIDE + VALUE_START]!
    this.#fieldEnd = head.fields[this.#field * FIELD_STRIDE + VALUE_END]!
    return true
  }

  /** Read up to the next semicolon and past it: is it the name? */
  #pair(bytes: Uint8Array): boolean {
    const stop = this.#fieldEnd
    const start = pastSpace(bytes, this.#at, stop)
    let end = start
    while (end < stop && bytes[end] !== SEMICOLON) end++
    this.#at = end + 1
    const name = this.#name
    if (end - start <= name.length) return false
    for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false
    if (bytes[start + name.length] !== EQUALS) return false
    this.start = pastSpace(bytes, start + name.length + 1, end)
    while (end > this.start && isSpace(bytes[end - 1]!)) end--
    this.end = end
    return true
  }
}

const pastSpace = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  while (at < end && isSpace(bytes[at]!)) at++
  return at
}

const isSpace = (byte: number): boolean => byte === SP || byte === TAB
