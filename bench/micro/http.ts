/** What the HTTP core costs: `node bench/micro.ts http`. */
import { writeDecimal } from '../../src/base/bytes.ts'
import { requestFraming } from '../../src/http/framing.ts'
import { ChunkedReader } from '../../src/http/h1/chunked.ts'
import { RequestParser } from '../../src/http/h1/request-parser.ts'
import { ResponseParser } from '../../src/http/h1/response-parser.ts'
import { writeStatusLine } from '../../src/http/h1/writer.ts'
import { Target } from '../../src/http/uri.ts'
import type { Row } from './support/loop.ts'

const requestText =
  'GET /products/4711/reviews?page=2&sort=newest HTTP/1.1\r\n' +
  'Host: shop.example.com\r\n' +
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36\r\n' +
  'Accept: text/html,application/xhtml+xml;q=0.9\r\n' +
  'Accept-Language: en-GB,en;q=0.8\r\n' +
  'Accept-Encoding: gzip, deflate, br\r\n' +
  'Referer: https://shop.example.com/products\r\n' +
  'Cookie: session=5f2b8c1e9d\r\n' +
  'Connection: keep-alive\r\n\r\n'
const responseText =
  'HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nContent-Type: text/html\r\n' +
  'Content-Length: 612\r\nLast-Modified: Tue, 04 Mar 2025 15:04:05 GMT\r\nConnection: keep-alive\r\n' +
  'ETag: "67c70000-264"\r\nAccept-Ranges: bytes\r\n\r\n'
const chunkedText = `${'400\r\n' + 'x'.repeat(1024) + '\r\n'}`.repeat(15) + '0\r\n\r\n'

const memory = new Uint8Array(1 << 20)

function place(text: string, at: number): number {
  for (let i = 0; i < text.length; i++) memory[at + i] = text.charCodeAt(i)
  return at + text.length
}

const requestEnd = place(requestText, 4096)
place(requestText, 12_288)
const responseEnd = place(responseText, 8192)
const chunkedEnd = place(chunkedText, 65536)
const slowTargetEnd = place('GET /a//b/%41/../c%2d?x=1 HTTP/1.1\r\nHost: a\r\n\r\n', 16384)

const requests = new RequestParser({ target: 8192, head: 32768, fields: 100 })
const halves = new RequestParser({ target: 8192, head: 32768, fields: 100 })
const responses = new ResponseParser({ head: 32768, fields: 100 })
const chunked = new ChunkedReader()
const target = new Target(new Uint8Array(8193))
const slow = new RequestParser({ target: 8192, head: 32768, fields: 100 })
slow.parse(memory, 16384, slowTargetEnd)
requests.parse(memory, 4096, requestEnd)
const chunkLimits = { extensions: 4096, trailers: 8192 }

export const rows: readonly Row[] = [
  [`request head, ${requestEnd - 4096} bytes, 8 fields`, () => requests.parse(memory, 4096, requestEnd)],
  [
    'the same in two pieces, moved between',
    () => halves.parse(memory, 4096, 4300) + halves.parse(memory, 12_288, 8192 + requestEnd),
  ],
  ['its target (verbatim)', () => target.parse(requests.head)],
  ['a target to normalise', () => target.parse(slow.head)],
  ['its framing', () => requestFraming(requests.head)],
  [`response head, ${responseEnd - 8192} bytes, 8 fields`, () => responses.parse(memory, 8192, responseEnd)],
  [
    `chunked body, 15 chunks of 1 KiB`,
    () => {
      chunked.reset(chunkLimits)
      return chunked.push(memory, 65536, chunkedEnd)
    },
  ],
  ['status line', (i) => writeStatusLine(memory, 0, 200 + (i & 1))],
  ['decimal', (i) => writeDecimal(memory, 0, i)],
]
