import assert from 'node:assert/strict'
import { RequestParser } from '../../src/http/h1/request-parser.ts'
import type { Head } from '../../src/http/head.ts'
import { Target } from '../../src/http/uri.ts'

/** One character of `text` is one byte. */
export const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))

/** The head of `GET {target}` with these field lines, and its target. */
export const requestOf = (
  lines: readonly string[],
  target = '/',
): { readonly head: Head; readonly target: Target } => {
  const parser = new RequestParser({ target: 8192, head: 65_536, fields: 200 })
  const bytes = latin1(`GET ${target} HTTP/1.1\r\n${['Host: a', ...lines].join('\r\n')}\r\n\r\n`)
  assert.equal(parser.parse(bytes, 0, bytes.length), bytes.length)
  const parsed = new Target(new Uint8Array(8193))
  assert.equal(parsed.parse(parser.head), 0)
  return { head: parser.head, target: parsed }
}
