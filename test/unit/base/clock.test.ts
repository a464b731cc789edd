import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { CivilTime } from '../../../src/base/calendar.ts'
import { HTTP_DATE_BYTES, HttpDate } from '../../../src/base/clock.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

test('HTTP date: the example of RFC 9110 §5.6.7', () => {
  assert.equal(
    text(new HttpDate().at(Date.UTC(1994, 10, 6, 8, 49, 37, 999))),
    'Sun, 06 Nov 1994 08:49:37 GMT',
  )
})

test('HTTP date = Date.toUTCString for every instant of the years 0…9999, one formatter for all', () => {
  const formatter = new HttpDate()
  const from = new Date('0000-01-01T00:00:00Z').getTime()
  const to = new Date('9999-12-31T23:59:59.999Z').getTime()
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), (ms) => {
      assert.equal(text(formatter.at(ms)), new Date(ms).toUTCString())
    }),
    { numRuns: 2000 },
  )
})

test('HTTP date: writeTo writes 29 bytes and nothing else', () => {
  const out = new Uint8Array(40).fill(0x2a)
  assert.equal(new HttpDate().writeTo(out, 3, 0), 3 + HTTP_DATE_BYTES)
  assert.equal(text(out), '***Thu, 01 Jan 1970 00:00:00 GMT********')
})

test('HTTP date: formatted once per second', () => {
  const formatter = new HttpDate()
  formatter.at(5000)
  formatter.bytes[0] = 0x2a
  assert.equal(text(formatter.at(5999)), '*hu, 01 Jan 1970 00:00:05 GMT')
  assert.equal(text(formatter.at(6000)), 'Thu, 01 Jan 1970 00:00:06 GMT')
})

test('civil time = Date.getUTC* before and after 1970', () => {
  const civil = new CivilTime()
  fc.assert(
    fc.property(fc.integer({ min: -60_000_000_000, max: 250_000_000_000 }), (second) => {
      civil.set(second)
      const date = new Date(second * 1000)
      assert.deepEqual(
        [civil.year, civil.month, civil.day, civil.weekday, civil.hour, civil.minute, civil.second],
        [
          date.getUTCFullYear(),
          date.getUTCMonth() + 1,
          date.getUTCDate(),
          date.getUTCDay(),
          date.getUTCHours(),
          date.getUTCMinutes(),
          date.getUTCSeconds(),
        ],
      )
    }),
    { numRuns: 2000 },
  )
})
