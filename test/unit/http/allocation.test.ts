import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ascii } from '../../../src/base/bytes.ts'
import { requestFraming, responseFraming } from '../../../src/http/framing.ts'
import { ChunkedReader } from '../../../src/http/h1/chunked.ts'
import { RequestParser } from '../../../src/http/h1/request-parser.ts'
import { ResponseParser } from '../../../src/http/h1/response-parser.ts'
import { METHOD } from '../../../src/http/methods.ts'
import { Target } from '../../../src/http/uri.ts'
import { bytesPerRun } from '../../support/allocation.ts'

test('the measure sees an allocation', () => {
  const kept: number[][] = [[]]
  const made = bytesPerRun(() => {
    kept[0] = [1.5]
    return kept.length
  })
  assert.ok(made > 8, `${made} bytes`)
})

test('reading a head, its target and its framing allocates nothing', () => {
  const parser = new RequestParser({ target: 8192, head: 32_768, fields: 100 })
  const target = new Target(new Uint8Array(8193))
  const bytes = ascii(
    'POST /a/%2e/b?c HTTP/1.1\r\nHost: a:80\r\nConnection: keep-alive, x-a\r\nX-A: b\r\nContent-Length: 4294967296\r\n\r\n',
  )
  const least = bytesPerRun(() => {
    const used = parser.parse(bytes, 0, 40) + parser.parse(bytes, 0, bytes.length)
    const large = requestFraming(parser.head) > 1e9 ? 1 : 0
    return used + target.parse(parser.head) + large + parser.head.find(1)
  })
  assert.ok(least < 1, `${least} bytes`)
})

test('reading a response allocates nothing', () => {
  const parser = new ResponseParser({ head: 32_768, fields: 100 })
  const bytes = ascii('HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\nDate: b\r\n\r\n')
  const least = bytesPerRun(
    () => parser.parse(bytes, 0, bytes.length) + responseFraming(parser.head, METHOD.get),
  )
  assert.ok(least < 1, `${least} bytes`)
})

test('reading a chunked body allocates nothing', () => {
  const reader = new ChunkedReader()
  const limits = { extensions: 100, trailers: 100 }
  const bytes = ascii('5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\n\r\n')
  const least = bytesPerRun(() => {
    reader.reset(limits)
    return reader.push(bytes, 0, 7) + reader.push(bytes, 7, bytes.length)
  })
  assert.ok(least < 1, `${least} bytes`)
})
