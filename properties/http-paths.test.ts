import { test } from 'node:test'
import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { ascii, text } from '../src/base/bytes.ts'
import { hostNameEnd } from '../src/http/authority.ts'
import { normalizePath } from '../src/http/path.ts'
import { charOf } from '../test/support/http1/arbitrary.ts'
import { underSeed } from '../test/support/http1/seed.ts'

const REFUSED = 'refused'

function ours(path: string): string {
  const bytes = ascii(`junk${path}`)
  const out = new Uint8Array(path.length)
  const length = normalizePath(bytes, 4, bytes.length, out)
  return length < 0 ? REFUSED : text(out, 0, length)
}

/** The rule of `uri.ts`, step by step on strings. */
function naive(path: string): string {
  if (path.includes('\\') || /%(?![0-9a-f]{2})|%(2f|5c|00)/i.test(path)) return REFUSED
  const decoded = path.replace(/%(..)/g, (whole, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9\-._~]/.test(char) ? char : whole.toUpperCase()
  })
  const segments = decoded.split('/').slice(1)
  const kept: string[] = []
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1
    if (/^\.\.?;/.test(segment)) return REFUSED
    if (segment === '..' && kept.length === 0) return REFUSED
    if (segment === '..') kept.pop()
    else if (segment !== '.' && segment !== '') kept.push(segment)
    if (last && (segment === '' || segment === '.' || segment === '..'))
      return `/${kept.map((k) => `${k}/`).join('')}`
  }
  return `/${kept.join('/')}`
}

const piece = fc.constantFrom(
  ...'a b . . .. ... / / / // %2e %2E %41 %7e %c3 %20 %25 % %4 \\ ; ;x=1 %2f %5C %00 * [ ~ - _ %3b %2E%2E /.. /. /../'.split(
    ' ',
  ),
)
const paths = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

test('a path is normalised as the rule says, step by step', () => {
  let accepted = 0
  const law = fc.property(paths, (path) => {
    const normal = ours(path)
    assert.equal(normal, naive(path))
    if (normal !== REFUSED) accepted++
  })
  fc.assert(law, underSeed(20_000))
  assert.ok(accepted > 4000, `only ${accepted} accepted`)
})

test('normalising a path twice changes nothing more, and it never grows', () => {
  const law = fc.property(paths, (path) => {
    const once = ours(path)
    if (once === REFUSED) return
    assert.equal(ours(once), once)
    assert.ok(once.length <= path.length)
  })
  fc.assert(law, underSeed(20_000))
})

test('where there is nothing to refuse or merge, a path becomes what the URL standard makes of it', () => {
  const segment = fc.oneof(
    fc.constantFrom('.', '..', '%2e', '%2E.', '...'),
    fc.string({ unit: charOf('abz09-_~.'), minLength: 1, maxLength: 4 }),
  )
  const law = fc.property(
    fc.array(segment, { minLength: 1, maxLength: 8 }),
    fc.boolean(),
    (segments, slash) => {
      const path = `/${segments.join('/')}${slash ? '/' : ''}`
      const normal = ours(path)
      if (normal !== REFUSED) assert.equal(normal, new URL(`http://h${path}`).pathname)
    },
  )
  fc.assert(law, underSeed(5000))
})

test('a host in brackets is accepted exactly if it is an IPv6 address', () => {
  const group = fc.constantFrom('0', '1', 'ab', 'FFFF', '12345', '', 'g')
  const separators = fc.constantFrom(':', ':', ':', ':', '::', '.')
  const composed = fc
    .array(fc.tuple(group, separators), { minLength: 1, maxLength: 9 })
    .map((parts) => parts.map(([g, s], i) => (i === parts.length - 1 ? g : g + s)).join(''))
  const tail = fc.constantFrom('1.2.3.4', '255.255.255.255', '256.1.1.1', '1.2.3', '01.2.3.4', '1.2.3.4.5')
  const literal = fc.oneof(
    fc.ipV6(),
    composed,
    fc.tuple(composed, tail).map(([c, t]) => `${c}:${t}`),
    fc
      .tuple(fc.constantFrom('::', '1::', '::ffff:', '1:2:3:4:5:6:', '1:2:3:4:5:6:7:'), tail)
      .map(([c, t]) => c + t),
  )
  const law = fc.property(literal, (address) => {
    const bytes = ascii(`[${address}]`)
    assert.equal(hostNameEnd(bytes, 0, bytes.length) === bytes.length, isIPv6(address), address)
  })
  fc.assert(law, underSeed(5000))
})

test('a name with a port is accepted exactly if it fits the documented grammar', () => {
  const authority = fc.string({ unit: charOf('aB0.-_~:%@,[] 65'), maxLength: 9 })
  const law = fc.property(
    fc.oneof(
      authority,
      fc.tuple(authority, fc.nat(99_999)).map(([n, p]) => `${n}:${p}`),
    ),
    (host) => {
      const match = /^([A-Za-z0-9\-_~]+(?:\.[A-Za-z0-9\-_~]+)*\.?)(?::([0-9]{1,5}))?$/.exec(host)
      const expected = match === null || Number(match[2] ?? 0) > 65_535 ? -1 : match[1]!.length
      const bytes = ascii(host)
      assert.equal(hostNameEnd(bytes, 0, bytes.length), expected)
    },
  )
  fc.assert(law, underSeed(10_000))
})
