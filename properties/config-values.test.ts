import assert from 'node:assert/strict'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { editDistance } from '../src/config/suggest.ts'
import { parseAddress } from '../src/config/values/address.ts'
import { parseCidr } from '../src/config/values/cidr.ts'
import { formatDuration, parseDuration } from '../src/config/values/duration.ts'
import { formatIpv6, parseIpv4, parseIpv6 } from '../src/config/values/ip.ts'
import { parseRouteHost } from '../src/config/values/host.ts'
import { parseRoutePath } from '../src/config/values/route-path.ts'
import { parseStatuses, statusRange } from '../src/config/values/http.ts'
import { parseRatio } from '../src/config/values/ratio.ts'
import { formatSize, parseSize } from '../src/config/values/size.ts'
import { hostName, ipv4, ipv6 } from './config-arbitrary.ts'

test('law: parse ∘ format is the identity on durations and sizes', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31), (ms) =>
      assert.deepEqual(parseDuration(formatDuration(ms)), { ok: true, value: ms }),
    ),
  )
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(40), (bytes, shift) => {
      const value = Math.floor(bytes / 2 ** shift) * 2 ** Math.min(shift, 12)
      fc.pre(Number.isSafeInteger(value))
      assert.deepEqual(parseSize(formatSize(value)), { ok: true, value })
    }),
  )
})

test('law: a percentage is a hundred times the number, and what is neither is refused', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(999_999_999), (whole, part) => {
      const text = `${whole}.${part}`
      assert.deepEqual(parseRatio(`${text}%`), { ok: true, value: Number(text) / 100 })
      assert.deepEqual(parseRatio(Number(text)), { ok: true, value: Number(text) })
      for (const wrong of [text, `-${text}%`, `${text} %`, `${text}%%`, `${whole}e1%`])
        assert.equal(parseRatio(wrong).ok, false, wrong)
    }),
  )
  for (const wrong of [NaN, Infinity, -Infinity]) assert.equal(parseRatio(wrong).ok, false)
})

test('law: a range of statuses holds those between its ends, and has one spelling', () => {
  const status = fc.integer({ min: 100, max: 599 })
  fc.assert(
    fc.property(status, status, (a, b) => {
      const parsed = parseStatuses(`${a}-${b}`)
      assert.equal(parsed.ok, a <= b)
      if (!parsed.ok) return
      assert.deepEqual(statusRange(parsed.value), [a, b])
      assert.deepEqual(parseStatuses(parsed.value), parsed)
      assert.deepEqual(parseStatuses(String(a)), parseStatuses(`${a}-${a}`))
    }),
  )
})

const almostIp = fc.oneof(
  ipv4,
  ipv6,
  fc.string({ unit: fc.constantFrom('0', '1', '9', '2', '5', '.'), maxLength: 16 }),
  fc.string({ unit: fc.constantFrom('0', 'a', 'F', '::', ':', '1.2.3.4', 'ffff'), maxLength: 10 }),
)

test('law: what we take for an IP address is what Node (inet_pton) does', () => {
  fc.assert(
    fc.property(almostIp, (text) => {
      assert.equal(parseIpv4(text) !== undefined, isIPv4(text), text)
      assert.equal(parseIpv6(text) !== undefined, isIPv6(text), text)
    }),
    { numRuns: 5000 },
  )
})

test('law: IPv6 is printed as the WHATWG URL host serializer does (RFC 5952), mapped addresses aside', () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff))
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const printed = formatIpv6(groups)
      assert.deepEqual(parseIpv6(printed), groups)
      const mapped = groups.slice(0, 5).every((word) => word === 0) && groups[5] === 0xffff
      if (!mapped) assert.equal(`[${printed}]`, new URL(`http://[${printed}]/`).hostname)
    }),
    { numRuns: 2000 },
  )
})

test('law: a block in canonical form holds the same addresses as the one written, and is its own canonical form', () => {
  const v4 = fc.tuple(ipv4, fc.nat(32), ipv4, fc.nat(32))
  const v6 = fc.tuple(ipv6, fc.nat(128), ipv6, fc.nat(128))
  fc.assert(
    fc.property(fc.oneof(v4, v6), ([network, bits, probe, kept]) => {
      const family = isIPv4(network) ? 'ipv4' : 'ipv6'
      const parsed = parseCidr(`${network}/${bits}`)
      assert.ok(parsed.ok)
      assert.deepEqual(parseCidr(parsed.value), parsed)
      const [address, length] = parsed.value.split('/')
      assert.equal(Number(length), bits)
      const canonical = new BlockList()
      canonical.addSubnet(address!, bits, family)
      const asWritten = new BlockList()
      asWritten.addSubnet(network, bits, family)
      // A probe that shares some leading bits with the network, so that both answers occur.
      const near = parseCidr(`${kept > bits ? network : probe}/${kept}`)
      assert.ok(near.ok)
      for (const ip of [probe, network, near.value.split('/')[0]!]) {
        assert.equal(canonical.check(ip, family), asWritten.check(ip, family), ip)
      }
    }),
  )
})

test('law: canonical forms are fixed points: addresses, hosts, paths', () => {
  const host = fc.oneof(
    ipv4,
    ipv6.map((text) => `[${text}]`),
    hostName,
    hostName.map((name) => `${name.toUpperCase()}.`),
  )
  fc.assert(
    fc.property(host, fc.nat(65_535), (name, port) => {
      const address = parseAddress(`${name}:${port}`)
      assert.ok(address.ok)
      assert.deepEqual(parseAddress(address.value.text), address)
      const routed = parseRouteHost(name)
      assert.ok(routed.ok)
      assert.deepEqual(parseRouteHost(routed.value), routed)
    }),
  )
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('/', '.', 'a', '%41', '%2e', '%20', '%c3', ';'), maxLength: 8 }),
      (rest) => {
        const parsed = parseRoutePath(`/${rest}`)
        const hint = parsed.ok ? undefined : /write "(.*)"$/.exec(parsed.why)?.[1]
        if (hint !== undefined) assert.deepEqual(parseRoutePath(hint), { ok: true, value: hint })
      },
    ),
  )
})

test('law: the edit distance is that of its recursive definition', () => {
  const distance = (a: string, b: string): number => {
    if (a === '' || b === '') return a.length + b.length
    const [shortA, shortB] = [a.slice(1), b.slice(1)]
    const edits = [
      1 + distance(shortA, b),
      1 + distance(a, shortB),
      (a[0] === b[0] ? 0 : 1) + distance(shortA, shortB),
    ]
    if (a.length > 1 && a[0] === b[1] && a[1] === b[0]) edits.push(1 + distance(a.slice(2), b.slice(2)))
    return Math.min(...edits)
  }
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 })
  fc.assert(fc.property(word, word, (a, b) => assert.equal(editDistance(a, b), distance(a, b))))
})
