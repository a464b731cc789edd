import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { retryAfterMs } from '../src/http/retry-after.ts'

const bytesOf = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, 'latin1'))

test('Retry-After in seconds, and as a date in each of its three forms, is the time from now', () => {
  const wall = fc.integer({ min: 0, max: 4_000_000_000 })
  fc.assert(
    fc.property(wall, fc.integer({ min: -100_000, max: 1_000_000 }), (second, ahead) => {
      const ms = (form: string): number => {
        const bytes = bytesOf(`7${form}7`)
        return retryAfterMs(bytes, 1, bytes.length - 1, second * 1000)
      }
      const left = Math.max(0, ahead) * 1000
      if (ahead >= 0) assert.equal(ms(String(ahead)), left)
      const date = new Date((second + ahead) * 1000)
      if (date.getTime() < 0) return
      const imf = date.toUTCString()
      assert.equal(ms(imf), left, imf)
      const [, day, month, year, clock] = imf.split(/, | /)
      assert.equal(ms(`Sunday, ${day}-${month}-${year!.slice(2)} ${clock} GMT`), left)
      assert.equal(ms(`Sun ${month} ${day!.replace(/^0/, ' ')} ${clock} ${year}`), left)
    }),
  )
  for (const none of [
    '',
    '-1',
    '1.5',
    'soon',
    '99999999999',
    'Sun, 31 Foo 2030 00:00:00 GMT',
    'Sun, 40 Nov 2030 00:00:00 GMT',
    'Sun, 01 Nov 2030 25:00:00 GMT',
    'x'.repeat(100),
  ]) {
    assert.equal(retryAfterMs(bytesOf(none), 0, none.length, 0), 0, none)
  }
})
