/** What the hashing policies cost, a pick and a change of membership, and what a request's key and cookie do: `node bench/micro.ts hash`. */
import { BoundedLoad } from '../../src/balance/bounded-load.ts'
import { endpointHash } from '../../src/balance/identity.ts'
import { Maglev } from '../../src/balance/maglev.ts'
import { POLICY_DEFAULTS } from '../../src/balance/options.ts'
import type { Policy } from '../../src/balance/policy.ts'
import { Rendezvous } from '../../src/balance/rendezvous.ts'
import { RingHash } from '../../src/balance/ring-hash.ts'
import { ClusterView } from '../../src/balance/view.ts'
import { seededRng } from '../../src/base/random.ts'
import type { HashKeySpec } from '../../src/config/snapshot.ts'
import { RequestParser } from '../../src/http/h1/request-parser.ts'
import { Target } from '../../src/http/uri.ts'
import { HashKey } from '../../src/proxy/hash-key.ts'
import { StickyCookie } from '../../src/proxy/sticky.ts'
import type { Row } from './support/loop.ts'

const SIZES = [2, 10, 100, 1000, 10_000]
const KEYS = 65_536

const rng = seededRng(1)
const keys = Uint32Array.from({ length: KEYS }, () => rng.uint32())

const ring = (): Policy => new RingHash(POLICY_DEFAULTS['ring-hash'])
const maglev = (): Policy => new Maglev(POLICY_DEFAULTS.maglev)
const rendezvous = (): Policy => new Rendezvous()

/** `unequal`: weights of 1 to 10. */
const viewOf = (size: number, unequal: boolean, gone = -1): ClusterView => {
  const ids = Array.from({ length: size }, (_, id) => id).filter((id) => id !== gone)
  const view = new ClusterView(ids.length)
  ids.forEach((id, index) => {
    view.hashes[index] = endpointHash(`10.0.${id >> 8}.${id & 255}:8080`)
    view.baseWeights[index] = view.weights[index] = unequal ? 1 + ((id * 7919) % 10) : 1
  })
  return view
}

const picker = (policy: Policy, view: ClusterView): ((at: number) => number) => {
  policy.rebuild(view, rng)
  return (at) => {
    view.considered.clear()
    return policy.pick(view, keys[at & (KEYS - 1)]!, rng)
  }
}

const picks = (name: string, make: () => Policy, unequal: boolean): Row[] =>
  SIZES.map((size) => [
    `${name}, ${size} endpoints${unequal ? ' of unequal weights' : ''}`,
    picker(make(), viewOf(size, unequal)),
  ])

/** Every pick adds an exchange and ends the one picked 2 · size picks before, so that most endpoints are near their bounds. */
const bounded = (size: number): Row => {
  const view = viewOf(size, false)
  const pick = picker(new BoundedLoad(maglev(), 1.25), view)
  const underWay = new Int32Array(2 * size).fill(-1)
  return [
    `bounded load over maglev, ${size} endpoints with two exchanges each`,
    (at) => {
      const oldest = underWay[at % underWay.length]!
      if (oldest >= 0) view.inFlight[oldest]!--
      const index = pick(at)
      view.inFlight[index]!++
      underWay[at % underWay.length] = index
      return index
    },
  ]
}

/** An endpoint goes, and comes back with the next one. */
const rebuilds = (name: string, make: () => Policy, unequal: boolean): Row[] =>
  [100, 1000, 10_000].map((size) => {
    const policy = make()
    const views = [viewOf(size, unequal), viewOf(size, unequal, size >> 1)]
    return [
      `${name}: one of ${size}${unequal ? ' of unequal weights' : ''} goes or comes`,
      (at) => {
        policy.rebuild(views[at & 1]!, rng)
        return at
      },
    ]
  })

const head = Buffer.from(
  [
    'GET /api/v1/users/4711?page=2&id=88 HTTP/1.1',
    'Host: app.example.com:8080',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'X-User: 8f14e45fceea167a',
    'Cookie: theme=dark; session=4f2a9c1b7d3e8f60; lang=en; weir-app=',
  ].join('\r\n'),
)

const requestWith = (cookie: string): { head: RequestParser['head']; target: Target } => {
  const bytes = new Uint8Array(Buffer.concat([head, Buffer.from(`${cookie}\r\n\r\n`)]))
  const parser = new RequestParser({ target: 8192, head: 32_768, fields: 100 })
  const target = new Target(new Uint8Array(8193))
  if (parser.parse(bytes, 0, bytes.length) < 0 || target.parse(parser.head) < 0) throw new Error('bad head')
  return { head: parser.head, target }
}

const client = { peer: '192.0.2.17', trusted: false, listener: { trusts: () => false } }

const keyRow = (kind: HashKeySpec['kind'], name: string): Row => {
  const request = { ...requestWith(''), client }
  const key = new HashKey({ kind, name })
  return [`hash key: ${kind} ${name}`.trimEnd(), () => key.of(request)]
}

const stickyRows = (): Row[] => {
  const sticky = new StickyCookie({ cookie: 'weir-app', ttlMs: 60_000, key: [1, 2, 3, 4] }, 'app')
  const mem = new Uint8Array(sticky.bytes)
  const end = sticky.write(mem, 0, 4711, false)
  const line = Buffer.from(mem.subarray(0, end)).toString('latin1')
  const request = requestWith(line.slice(line.indexOf('=') + 1, line.indexOf(';')))
  return [
    ['sticky: read and verify', () => sticky.read(request.head)],
    ['sticky: sign and write', (at) => sticky.write(mem, 0, at, false)],
  ]
}

export const rows: readonly Row[] = [
  ['reading the key', (at) => keys[at & (KEYS - 1)]!],
  ...picks('ring hash', ring, false),
  ...picks('maglev', maglev, false),
  ...picks('rendezvous', rendezvous, false),
  ...picks('rendezvous', rendezvous, true),
  ...[10, 100, 1000].map(bounded),
  ...rebuilds('ring hash', ring, false),
  ...rebuilds('ring hash', ring, true),
  ...rebuilds('maglev', maglev, false),
  ...rebuilds('maglev', maglev, true),
  ...rebuilds('rendezvous', rendezvous, false),
  keyRow('client-ip', ''),
  keyRow('header', 'x-user'),
  keyRow('cookie', 'session'),
  keyRow('query', 'id'),
  keyRow('path', ''),
  keyRow('host', ''),
  ...stickyRows(),
]
