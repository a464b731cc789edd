/** Our reading of a stream in the terms of `llhttp.ts`, for the differential. */
import { text } from '../../../src/base/bytes.ts'
import { BODY, requestFraming, responseFraming } from '../../../src/http/framing.ts'
import { ChunkedReader } from '../../../src/http/h1/chunked.ts'
import { RequestParser } from '../../../src/http/h1/request-parser.ts'
import { ResponseParser } from '../../../src/http/h1/response-parser.ts'
import { FIELD_STRIDE, NAME_END, NAME_START, VALUE_END, VALUE_START } from '../../../src/http/head.ts'
import type { Head } from '../../../src/http/head.ts'
import { METHOD } from '../../../src/http/methods.ts'
import { REJECTIONS } from '../../../src/http/reject.ts'
import { Target } from '../../../src/http/uri.ts'
import type { Message, Reading } from './llhttp.ts'

const LIMITS = { target: 4096, head: 32_768, fields: 100 }
const CHUNKS = { extensions: 4096, trailers: 4096 }

/** Reads messages up to the first that is rejected, incomplete, closes the connection or changes its protocol. */
export function readOwn(kind: 'request' | 'response', bytes: Uint8Array): Reading {
  const parser = kind === 'request' ? new RequestParser(LIMITS) : new ResponseParser(LIMITS)
  const messages: Message[] = []
  let p = 0
  while (p < bytes.length) {
    const used = parser.parse(bytes, p, bytes.length)
    if (used === 0) break
    if (used < 0) return { messages, error: REJECTIONS[-used]!.code }
    const { head } = parser
    const verdict = kind === 'request' ? new Target(new Uint8Array(LIMITS.target + 1)).parse(head) : 0
    if (verdict < 0) return { messages, error: REJECTIONS[-verdict]!.code }
    const message = { start: startOf(kind, head), fields: fieldsOf(head), body: '', complete: false }
    messages.push(message)
    const framing = kind === 'request' ? requestFraming(head) : responseFraming(head, METHOD.get)
    const result = readBody(bytes, p + used, framing, message)
    if (result < 0) return { messages, error: REJECTIONS[-result]!.code }
    const final = head.upgrade || head.connectionClose || head.method === METHOD.connect || head.minor === 0
    if (!message.complete || final) break
    p = result
  }
  return { messages, error: undefined }
}

function startOf(kind: 'request' | 'response', head: Head): string {
  if (kind === 'response')
    return `1.${head.minor} ${head.status} ${text(head.bytes, head.reasonStart, head.reasonEnd)}`
  const method = text(head.bytes, head.methodStart, head.methodEnd)
  return `${method} ${text(head.bytes, head.targetStart, head.targetEnd)} 1.${head.minor}`
}

function fieldsOf(head: Head): [string, string][] {
  return Array.from({ length: head.count }, (_, i) => {
    const row = head.fields.subarray(i * FIELD_STRIDE, (i + 1) * FIELD_STRIDE)
    return [
      text(head.bytes, row[NAME_START]!, row[NAME_END]!),
      text(head.bytes, row[VALUE_START]!, row[VALUE_END]!),
    ]
  })
}

/** Returns the offset behind the body, or `-id`. */
function readBody(bytes: Uint8Array, start: number, framing: number, message: Message): number {
  if (framing === BODY.chunked) return readChunked(bytes, start, message)
  const length = framing === BODY.untilClose ? bytes.length - start : Math.max(framing, 0)
  const end = Math.min(bytes.length, start + length)
  message.body = text(bytes, start, end)
  message.complete = framing !== BODY.untilClose && end - start === length
  return end
}

function readChunked(bytes: Uint8Array, start: number, message: Message): number {
  const reader = new ChunkedReader()
  reader.reset(CHUNKS)
  let p = start
  while (p < bytes.length && !reader.done) {
    const used = reader.push(bytes, p, bytes.length)
    if (used < 0) return used
    for (let i = 0; i < reader.spanCount; i++)
      message.body += text(bytes, reader.spans[i * 2]!, reader.spans[i * 2 + 1]!)
    p += used
  }
  message.complete = reader.done
  return p
}
