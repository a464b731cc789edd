import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { allocateShared } from '../src/shm/memory.ts'
import { RING_HEADER_BYTES, RingReader, RingWriter } from '../src/shm/ring.ts'
import { AccessLogFormatter, LOG_LINE_MAX } from '../src/telemetry/access-log.ts'
import { LOG_RECORD_MAX, LOG_TEXT_BOUNDS, LOG_TEXTS, LogRecordWriter } from '../src/telemetry/log-record.ts'
import { OUTCOMES } from '../src/telemetry/outcome.ts'
import { ExchangeRecord } from '../src/telemetry/record.ts'

type Texts = Record<(typeof LOG_TEXTS)[number], string>

/** Bytes as a string of code points 0…255. */
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

const hostile = fc.constantFrom(
  '"',
  '\\',
  '\n',
  '\r',
  '\0',
  ' ',
  '\x1b',
  '\x7f',
  '\x80',
  '\xff',
  '\t',
  '{',
  'x0a',
  '\\x',
  '\\+9',
)
const text = (max: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ maxLength: 40 }).map((any) => any.replaceAll(/[^\0-\xff]/g, '?')),
    fc.string({ unit: hostile, maxLength: 30 }),
    fc.uint8Array({ maxLength: 60 }).map(latin1),
    fc.integer({ min: max - 2, max: max + 600 }).map((length) => 'a'.repeat(length)),
  )

const texts: fc.Arbitrary<Texts> = fc.record(
  Object.fromEntries(LOG_TEXTS.map((name, i) => [name, text(LOG_TEXT_BOUNDS[i]!)])) as {
    [K in keyof Texts]: fc.Arbitrary<string>
  },
)
const ms = fc.oneof(
  fc.constant(-1),
  fc.double({ min: 0, max: 1e7, noNaN: true }),
  fc.integer({ min: 0, max: 5000 }),
)
const count = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 50 }))
const numbers = fc.record({
  listener: fc.nat(4),
  cluster: fc.integer({ min: -1, max: 4 }),
  endpoint: fc.integer({ min: -1, max: 4 }),
  route: fc.integer({ min: -1, max: 1000 }),
  outcome: fc.nat(OUTCOMES.length - 1),
  status: fc.oneof(fc.constant(0), fc.integer({ min: 100, max: 599 })),
  wallStartMs: fc.integer({ min: 0, max: Date.UTC(2200, 0) }),
  queueMs: ms,
  connectMs: ms,
  firstByteMs: ms,
  durationMs: ms.map(Math.abs),
  bytesFromClient: count,
  bytesToClient: count,
  retries: fc.nat(9),
  reusedUpstream: fc.boolean(),
  minor: fc.constantFrom(0, 1),
})

const nameText = fc.string({
  minLength: 1,
  maxLength: 20,
  unit: fc.oneof(fc.constantFrom('a', ' ', '"', '\n', 'ü'), fc.string({ minLength: 1, maxLength: 1 })),
})
const names = fc.record({
  listeners: fc
    .array(nameText, { minLength: 5, maxLength: 5 })
    .map((all) => all.map((name, id) => ({ id, name }))),
  clusters: fc
    .array(nameText, { minLength: 5, maxLength: 5 })
    .map((all) => all.map((name, id) => ({ id, name, endpoints: [{ id, address: `[::1]:${id}` }] }))),
})

/** Put the texts into one buffer, as a shard's memory holds them, with other bytes around. */
const fill = (record: ExchangeRecord, values: Texts): ExchangeRecord => {
  const { peer, ...spans } = values
  record.peer = peer
  let all = '##'
  for (const [name, value] of Object.entries(spans)) {
    Object.assign(record, { [`${name}Start`]: all.length, [`${name}End`]: all.length + value.length })
    all += `${value}##`
  }
  record.mem = Buffer.from(all, 'latin1')
  return record
}

/** Through the ring and the formatter: the bytes that reach the file. */
const lineOf = (
  format: 'text' | 'json',
  record: ExchangeRecord,
  who: Parameters<AccessLogFormatter['setNames']>[0],
  shard: number,
): string => {
  const capacity = 16_384
  const region = { memory: allocateShared(RING_HEADER_BYTES + capacity), offset: 0, capacity }
  assert.ok(new LogRecordWriter(new RingWriter(region)).write(record))
  const formatter = new AccessLogFormatter(format, who)
  new RingReader(region).drain((bytes, start, end) => assert.ok(formatter.append(shard, bytes, start, end)))
  assert.equal(formatter.malformed, 0)
  return Buffer.from(formatter.take()).toString(format === 'json' ? 'utf8' : 'latin1')
}

const stored = (name: keyof Texts, value: string): { kept: string; cut: number } => {
  const kept = value.slice(0, LOG_TEXT_BOUNDS[LOG_TEXTS.indexOf(name)])
  return { kept, cut: value.length - kept.length }
}

const WORD = String.raw`((?:[!#-\[\]-~]|\\["\\]|\\x[0-9a-f]{2})+(?:\\\+\d+)?)`
const QUOTED = String.raw`"((?:[ !#-\[\]-~]|\\["\\]|\\x[0-9a-f]{2})+(?:\\\+\d+)?)"`
const MS = String.raw`(-|\d+\.\d{3})`
const LINE = new RegExp(
  String.raw`^${WORD} - - \[([^\]]+)\] "(?:-|${WORD} ${WORD} HTTP/1\.([01]))" (-|\d{3}) (\d+) ${QUOTED} ${QUOTED} host=${QUOTED} ` +
    String.raw`ts=(\d+\.\d{3}) in=(\d+) queue=${MS} connect=${MS} first=${MS} total=${MS} shard=(\d+) listener=${WORD} cluster=${WORD} ` +
    String.raw`endpoint=${WORD} route=(-|\d+) retries=(\d+) reused=([01]) outcome=([a-z-]+) by=([a-z]+) id=${WORD}\n$`,
)

/** Undo the escapes: what was kept, and how many bytes are missing. */
const unescape = (escaped: string): { kept: string; cut: number } => {
  const [, body, cut] = /^((?:[^\\]|\\["\\]|\\x[0-9a-f]{2})*)(?:\\\+(\d+))?$/.exec(escaped)!
  const kept = body!.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, plain: string) =>
    hex === undefined ? plain : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return { kept, cut: Number(cut ?? 0) }
}

/** An empty text is written `-`. */
const dashed = (name: keyof Texts, value: string): { kept: string; cut: number } =>
  value === '' ? { kept: '-', cut: 0 } : stored(name, value)

const near = (written: string, value: number): void => {
  if (value < 0) assert.equal(written, '-')
  else assert.ok(Math.abs(Number(written) - value) <= 0.00051 + value * 1e-12, `${written} for ${value}`)
}

const nearJson = (written: unknown, value: number): void => {
  if (written !== null) assert.equal(typeof written, 'number')
  near(written === null ? '-' : JSON.stringify(written), value)
}

test('text log: any record is one line of printable ASCII that a reference expression parses back field by field', () => {
  fc.assert(
    fc.property(numbers, texts, names, fc.nat(255), (facts, values, who, shard) => {
      const record = fill(Object.assign(new ExchangeRecord(), facts), values)
      const line = lineOf('text', record, who, shard)
      assert.ok(line.length <= LOG_LINE_MAX)
      assert.match(line, /^[ -~]+\n$/)
      const fields = LINE.exec(line)?.slice(1)
      assert.ok(fields !== undefined, line)
      const [peer, time, method, target, minor, status, out, referer, agent, host, ts, bytesIn, ...rest] =
        fields
      const [queue, connect, first, total, shardText, listener, cluster, endpoint, route, retries, ...end] =
        rest
      const [reused, outcome, by, id] = end
      assert.deepEqual(unescape(peer!), dashed('peer', values.peer))
      const date = new Date(Math.floor(facts.wallStartMs / 1000) * 1000).toUTCString()
      assert.equal(time, date.replace(/^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1/$2/$3:$4 +0000'))
      if (values.method === '' && values.target === '') assert.equal(method, undefined)
      else {
        assert.deepEqual(unescape(method!), dashed('method', values.method))
        assert.deepEqual(unescape(target!), dashed('target', values.target))
        assert.equal(Number(minor), facts.minor)
      }
      assert.equal(status, facts.status === 0 ? '-' : String(facts.status))
      assert.deepEqual([Number(out), Number(bytesIn)], [facts.bytesToClient, facts.bytesFromClient])
      assert.deepEqual(unescape(referer!), dashed('referer', values.referer))
      assert.deepEqual(unescape(agent!), dashed('userAgent', values.userAgent))
      assert.deepEqual(unescape(host!), dashed('host', values.host))
      assert.equal(Math.round(Number(ts) * 1000), facts.wallStartMs)
      near(queue!, facts.queueMs)
      near(connect!, facts.connectMs)
      near(first!, facts.firstByteMs)
      near(total!, facts.durationMs)
      const utf8 = (name: string): string => Buffer.from(unescape(name).kept, 'latin1').toString()
      assert.equal(Number(shardText), shard)
      assert.equal(utf8(listener!), who.listeners[facts.listener]!.name)
      assert.equal(utf8(cluster!), who.clusters[facts.cluster]?.name ?? '-')
      assert.equal(utf8(endpoint!), facts.endpoint < 0 ? '-' : `[::1]:${facts.endpoint}`)
      assert.equal(route, facts.route < 0 ? '-' : String(facts.route))
      assert.deepEqual([Number(retries), reused === '1'], [facts.retries, facts.reusedUpstream])
      assert.deepEqual({ name: outcome, by }, OUTCOMES[facts.outcome])
      assert.deepEqual(unescape(id!), dashed('requestId', values.requestId))
    }),
    { numRuns: 500 },
  )
})

test('JSON log: any record is one line that JSON.parse reads back to the same facts', () => {
  fc.assert(
    fc.property(numbers, texts, names, fc.nat(255), (facts, values, who, shard) => {
      const record = fill(Object.assign(new ExchangeRecord(), facts), values)
      const line = lineOf('json', record, who, shard)
      assert.ok(line.endsWith('}\n') && line.indexOf('\n') === line.length - 1)
      const { queueMs, connectMs, firstByteMs, totalMs, ...parsed } = JSON.parse(line) as Record<
        string,
        unknown
      >
      nearJson(queueMs, facts.queueMs)
      nearJson(connectMs, facts.connectMs)
      nearJson(firstByteMs, facts.firstByteMs)
      nearJson(totalMs, facts.durationMs)
      const expected: Record<string, unknown> = {
        time: new Date(facts.wallStartMs).toISOString(),
        protocol: `HTTP/1.${facts.minor}`,
        status: facts.status === 0 ? null : facts.status,
        bytesIn: facts.bytesFromClient,
        bytesOut: facts.bytesToClient,
        route: facts.route < 0 ? null : facts.route,
        retries: facts.retries,
        shard,
        listener: who.listeners[facts.listener]!.name,
        cluster: who.clusters[facts.cluster]?.name ?? null,
        endpoint: facts.endpoint < 0 ? null : `[::1]:${facts.endpoint}`,
        reused: facts.reusedUpstream,
        outcome: OUTCOMES[facts.outcome]!.name,
        endedBy: OUTCOMES[facts.outcome]!.by,
      }
      for (const name of LOG_TEXTS) {
        const { kept, cut } = stored(name, values[name])
        expected[name] = kept === '' ? null : kept
        if (cut > 0) expected[`${name}Cut`] = cut
      }
      assert.deepEqual(parsed, expected)
    }),
    { numRuns: 500 },
  )
})

test('log: the largest record of the most hostile bytes and names fits the bound of a line', () => {
  const worst = Object.fromEntries(LOG_TEXTS.map((name) => [name, '\xff'.repeat(70_000)])) as Texts
  const record = fill(
    Object.assign(new ExchangeRecord(), {
      cluster: 0,
      endpoint: 0,
      bytesFromClient: 2 ** 53 - 1,
      durationMs: 1e12,
    }),
    worst,
  )
  const name = '\x01'.repeat(1000)
  const who = {
    listeners: [{ id: 0, name }],
    clusters: [{ id: 0, name, endpoints: [{ id: 0, address: name }] }],
  }
  for (const format of ['text', 'json'] as const) {
    const line = lineOf(format, record, who, 255)
    assert.ok(line.length < LOG_LINE_MAX && line.length > LOG_RECORD_MAX * 3, `${format}: ${line.length}`)
  }
})

test('log: bytes that are no record are counted and make no line', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: LOG_RECORD_MAX + 100, size: 'max' }), (bytes) => {
      const formatter = new AccessLogFormatter('text', { listeners: [], clusters: [] })
      formatter.append(0, bytes, 0, bytes.length)
      const lines = Buffer.from(formatter.take()).toString('latin1')
      if (formatter.malformed === 1) assert.equal(lines, '')
      else assert.match(lines, /^[ -~]*\n$/)
    }),
  )
})
