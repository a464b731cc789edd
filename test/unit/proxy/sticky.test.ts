import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StickySpec } from '../../../src/config/snapshot.ts'
import { NOT_STUCK, StickyCookie } from '../../../src/proxy/sticky.ts'
import { requestOf } from '../../support/requests.ts'

const SPEC: StickySpec = { cookie: 'weir-app', ttlMs: 0, key: [1, 0x8000_0000, -3, 4] }

const written = (sticky: StickyCookie, endpoint: number, secure = false): string => {
  const mem = new Uint8Array(sticky.bytes + 20)
  const end = sticky.write(mem, 10, endpoint, secure)
  assert.ok(end - 10 <= sticky.bytes)
  return Buffer.from(mem.subarray(10, end)).toString('latin1')
}

const valueOf = (line: string): string => /=([^;\r]*)/.exec(line)?.[1] ?? ''
const read = (sticky: StickyCookie, ...cookies: string[]): number =>
  sticky.read(requestOf(cookies.map((cookie) => `Cookie: ${cookie}`)).head)

const endpoint = fc.nat(0xffff_ffff)
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 })
const spec: fc.Arbitrary<StickySpec> = fc.record({
  cookie: fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/),
  ttlMs: fc.constantFrom(0, 1, 1000, 86_400_000),
  key: fc.tuple(word, word, word, word),
})

test('sticky: the line as RFC 6265 §4.1 writes it', () => {
  const value = '[A-Za-z0-9_-]{16}'
  const line = (ttlMs: number, secure: boolean): string =>
    written(new StickyCookie({ ...SPEC, ttlMs }, 'app'), 7, secure)
  assert.match(
    line(0, false),
    new RegExp(`^set-cookie: weir-app=${value}; Path=/; HttpOnly; SameSite=Lax\r\n$`),
  )
  assert.match(line(1500, false), /; SameSite=Lax; Max-Age=2\r\n$/)
  assert.match(line(60_000, true), /; SameSite=Lax; Max-Age=60; Secure\r\n$/)
})

test('sticky: what was written is read back, among whatever other cookies', () => {
  const other = fc.constantFrom(
    'a=b',
    'weir-app=AAAAAAAAAAAAAAAA',
    'weir-app=',
    'weir-app',
    '; ;',
    'x'.repeat(4000),
  )
  fc.assert(
    fc.property(spec, endpoint, fc.array(other, { maxLength: 6 }), fc.nat(), (of, hash, others, at) => {
      const sticky = new StickyCookie(of, 'app')
      const cookies = others.toSpliced(
        at % (others.length + 1),
        0,
        `${of.cookie}=${valueOf(written(sticky, hash))}`,
      )
      assert.equal(read(sticky, ...cookies), hash)
      assert.equal(read(sticky, cookies.join('; ')), hash)
    }),
  )
})

test('sticky: with any bit of its value flipped, a cookie is ignored', () => {
  const sticky = new StickyCookie(SPEC, 'app')
  for (const hash of [0, 1, 0x1234_5678, 0xffff_ffff]) {
    const value = Buffer.from(valueOf(written(sticky, hash)))
    for (let bit = 0; bit < value.length * 8; bit++) {
      const forged = Buffer.from(value)
      forged[bit >> 3]! ^= 1 << (bit & 7)
      // What cannot stand in a field never gets here.
      if (!/^[\x21-\x7e\x80-\xff]+$/.test(forged.toString('latin1'))) continue
      assert.equal(read(sticky, `weir-app=${forged.toString('latin1')}`), NOT_STUCK)
    }
  }
})

test('sticky: another key, cookie or cluster signs otherwise; made up values are ignored', () => {
  const sticky = new StickyCookie(SPEC, 'app')
  const value = valueOf(written(sticky, 99))
  assert.equal(read(sticky, `weir-app=${value}`), 99)
  for (const foreign of [
    new StickyCookie(SPEC, 'app2'),
    new StickyCookie({ ...SPEC, key: [1, 0x8000_0000, -3, 5] }, 'app'),
  ])
    assert.equal(read(foreign, `weir-app=${value}`), NOT_STUCK)
  const renamed = new StickyCookie({ ...SPEC, cookie: 'weir' }, 'app')
  assert.equal(read(renamed, `weir=${value}`), NOT_STUCK)
  fc.assert(
    fc.property(fc.stringMatching(/^[!-:<-~]{0,40}$/), (made) => {
      assert.equal(read(sticky, `weir-app=${made}`), NOT_STUCK)
    }),
  )
  assert.equal(read(sticky), NOT_STUCK)
})

test('sticky: of many cookies of its name only the first few are looked at', () => {
  const sticky = new StickyCookie(SPEC, 'app')
  const ours = `weir-app=${valueOf(written(sticky, 5))}`
  const forged = (count: number): string => 'weir-app=AAAAAAAAAAAAAAAA; '.repeat(count)
  assert.equal(read(sticky, forged(7) + ours), 5)
  assert.equal(read(sticky, forged(1000) + ours), NOT_STUCK)
})
