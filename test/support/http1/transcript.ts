/**
 * Conformance cases as Markdown: under a heading, a block of bytes and a block of the events expected.
 *
 *     ## A name that says what is tested
 *     ```request            (or ```response, or ```response HEAD: the answer to a HEAD)
 *     GET / HTTP/1.1\r\n    escapes of `escape.ts`; the line breaks of the block itself mean nothing
 *     Host: a\r\n\r\n
 *     ```
 *     ```events
 *     reject bare-lf @15    the code, and after how many bytes it must have been seen
 *     ```
 */
import { readFileSync } from 'node:fs'
import { unescapeBytes } from './escape.ts'
import type { Kind } from './reader.ts'

export type Case = {
  readonly name: string
  readonly kind: Kind
  readonly method: string
  readonly bytes: Uint8Array
  readonly events: readonly string[]
  /** Bytes after which the rejection must be out; undefined when the case is accepted. */
  readonly rejectedAt: number | undefined
}

const pattern = /^## (.+)\n\n*```(request|response) ?(\w*)\n([\s\S]*?)```\n+```events\n([\s\S]*?)```/gm

export function readCases(file: URL): readonly Case[] {
  const source = readFileSync(file, 'utf8')
  const cases = Array.from(source.matchAll(pattern), ([, name, kind, method, input, output]) => {
    const events = output!.trimEnd().split('\n')
    const at = / @(\d+)$/.exec(events.at(-1)!)
    return {
      name: name!,
      kind: kind === 'request' ? ('request' as const) : ('response' as const),
      method: method === '' ? 'GET' : method!,
      bytes: unescapeBytes(input!.replaceAll('\n', '')),
      events: events.map((event) => event.replace(/ @\d+$/, '')),
      rejectedAt: at === null ? undefined : Number(at[1]),
    }
  })
  const headings = source.match(/^## /gm)?.length ?? 0
  if (headings !== cases.length)
    throw new Error(`${file.pathname}: ${headings} headings, ${cases.length} cases`)
  return cases
}
