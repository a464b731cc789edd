/** Load reports of servers (ORCA): whatever form they come in, against the report that was written, and against JSON.parse. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LoadReportReader } from '../src/http/load-report.ts'
import { REFUSED_REPORT } from '../src/http/orca/metrics.ts'

const bytesOf = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, 'latin1'))

/** In the midst of other bytes, so that nothing outside of the span is read. */
const read = (value: string, binary = false): { refused: number; reader: LoadReportReader } => {
  const bytes = bytesOf(`0.5,x${value}9}=7`)
  const reader = new LoadReportReader()
  const [start, end] = [5, 5 + value.length]
  return { refused: binary ? reader.readBinary(bytes, start, end) : reader.read(bytes, start, end), reader }
}

const SCALARS = [
  'cpu_utilization',
  'mem_utilization',
  'rps_fractional',
  'eps',
  'application_utilization',
] as const
const MAPS = ['request_cost', 'utilization', 'named_metrics'] as const
const NUMBER_OF = {
  cpu_utilization: 1,
  mem_utilization: 2,
  request_cost: 4,
  utilization: 5,
  rps_fractional: 6,
  eps: 7,
  named_metrics: 8,
  application_utilization: 9,
} as const

type Report = Partial<
  Record<(typeof SCALARS)[number], number> & Record<(typeof MAPS)[number], Record<string, number>>
>

const value = fc.oneof(
  fc.double({ min: 0, max: 9999, noNaN: true }),
  fc.constantFrom(0, 1, 0.7, 1e-7, 5e-324),
)
const name = fc.oneof(fc.constantFrom('rif', 'latency', 'foo'), fc.stringMatching(/^[a-z][a-z_0-9]{0,20}$/))
const entries = fc.uniqueArray(fc.tuple(name, value), {
  selector: ([key]) => key,
  maxLength: 6,
  minLength: 1,
})
const report: fc.Arbitrary<Report> = fc
  .record(
    {
      ...(Object.fromEntries(SCALARS.map((key) => [key, value])) as Record<
        (typeof SCALARS)[number],
        typeof value
      >),
      ...(Object.fromEntries(
        MAPS.map((key) => [key, entries.map((pairs) => Object.fromEntries(pairs))]),
      ) as Record<(typeof MAPS)[number], fc.Arbitrary<Record<string, number>>>),
    },
    { requiredKeys: [] },
  )
  .filter((one) => Object.keys(one).length > 0)

const textOf = (one: Report, sign: string, gap: string): string =>
  Object.entries(one)
    .flatMap(([key, what]) =>
      typeof what === 'number'
        ? [`${key}${sign}${what}`]
        : Object.entries(what).map(([each, number]) => `${key}.${each}${sign}${number}`),
    )
    .join(`,${gap}`)

const varint = (number: number): number[] =>
  number < 128 ? [number] : [(number & 127) | 128, ...varint(number >>> 7)]
const double = (number: number): number[] => [...new Uint8Array(new Float64Array([number]).buffer)]
const lengthed = (field: number, bytes: readonly number[]): number[] => [
  ...varint(field * 8 + 2),
  ...varint(bytes.length),
  ...bytes,
]
const entryOf = (key: string, number: number): number[] => [
  ...lengthed(1, [...Buffer.from(key)]),
  17,
  ...double(number),
]

const protobufOf = (one: Report): number[] =>
  Object.entries(one).flatMap(([key, what]) => {
    const field = NUMBER_OF[key as keyof typeof NUMBER_OF]
    if (typeof what === 'number') return [field * 8 + 1, ...double(what)]
    return Object.entries(what).flatMap(([each, number]) => lengthed(field, entryOf(each, number)))
  })

const base64 = (bytes: readonly number[]): string => Buffer.from(bytes).toString('base64')

const expected = (one: Report): Record<string, number> => {
  const application = one.application_utilization ?? -1
  const largest = Math.max(-1, ...Object.values(one.utilization ?? {}))
  const cpu = one.cpu_utilization ?? -1
  return {
    utilisation: application > 0 ? application : largest > 0 ? largest : Math.max(cpu, application, largest),
    qps: one.rps_fractional ?? 0,
    eps: one.eps ?? 0,
    rif: one.named_metrics?.['rif'] ?? -1,
    latencyMs: one.named_metrics?.['latency'] ?? -1,
  }
}
const got = ({ utilisation, qps, eps, rif, latencyMs }: LoadReportReader): Record<string, number> => ({
  utilisation,
  qps,
  eps,
  rif,
  latencyMs,
})

test('a report reads the same from TEXT with either sign, JSON in either spelling, BIN, and the old binary field padded or not', () => {
  fc.assert(
    fc.property(report, fc.constantFrom('', ' ', '\t'), (one, gap) => {
      const camel = JSON.stringify(one).replace(/"([a-z]+(?:_[a-z]+)*)":/g, (all, key: string) =>
        Object.hasOwn(NUMBER_OF, key)
          ? `"${key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())}":`
          : all,
      )
      const encoded = base64(protobufOf(one))
      const forms: [string, boolean?][] = [
        [`TEXT ${textOf(one, '=', gap)}`],
        [`TEXT ${textOf(one, ':', gap)}`],
        [`JSON ${JSON.stringify(one)}`],
        [`JSON ${gap}${camel}${gap}`],
        [`BIN ${encoded}`],
        [encoded, true],
        [encoded.replace(/=+$/, ''), true],
      ]
      for (const [form, binary] of forms) {
        const { refused, reader } = read(form, binary)
        assert.equal(refused, REFUSED_REPORT.nothing, form)
        assert.deepEqual(got(reader), expected(one), form)
      }
    }),
  )
})

test('what protobuf may add later is passed over', () => {
  fc.assert(
    fc.property(
      report,
      fc.integer({ min: 10, max: 2000 }),
      fc.uint8Array({ maxLength: 20 }),
      (one, field, more) => {
        const later = [
          ...varint(field * 8),
          ...varint(300),
          ...varint(field * 8 + 5),
          1,
          2,
          3,
          4,
          ...varint(field * 8 + 1),
          ...double(-1),
          ...lengthed(field, [...more]),
        ]
        const { refused, reader } = read(`BIN ${base64([...later, ...protobufOf(one)])}`)
        assert.equal(refused, REFUSED_REPORT.nothing)
        assert.deepEqual(got(reader), expected(one))
      },
    ),
  )
})

const absurd = fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, -1e-300, 1e300)

test('a value that is absurd has the whole report refused, wherever and in whatever form it stands', () => {
  fc.assert(
    fc.property(report, fc.constantFrom(...SCALARS), absurd, fc.boolean(), (one, key, bad, inMap) => {
      const rest = { ...one }
      delete rest[key]
      const spoilt: Report = inMap
        ? { ...one, utilization: { ...one.utilization, bad } }
        : { ...rest, [key]: bad }
      assert.notEqual(read(`TEXT ${textOf(spoilt, '=', '')}`).refused, 0)
      assert.equal(read(`BIN ${base64(protobufOf(spoilt))}`).refused, REFUSED_REPORT.value)
      if (Number.isFinite(bad))
        assert.equal(read(`JSON ${JSON.stringify(spoilt)}`).refused, REFUSED_REPORT.value)
    }),
  )
})

test('a metric that comes twice, has no name or one that is unknown has the report refused', () => {
  fc.assert(
    fc.property(report, fc.nat(), (one, at) => {
      const pairs = textOf(one, '=', '').split(',')
      const twice = pairs[at % pairs.length]!
      for (const extra of [
        twice,
        '=1',
        'named_metrics.=1',
        'named_metrics=1',
        'cpu=1',
        'cpu_utilization.x=1',
        'toString=1',
        '__proto__=1',
      ]) {
        assert.equal(read(`TEXT ${[...pairs, extra].join(',')}`).refused, REFUSED_REPORT.name, extra)
      }
      const json = JSON.stringify(one).slice(1, -1)
      for (const extra of [json, '"":1', '"cpu":1', '"toString":1']) {
        assert.equal(read(`JSON {${json},${extra}}`).refused, REFUSED_REPORT.name, extra)
      }
      const message = protobufOf(one)
      assert.equal(read(`BIN ${base64([...message, ...message])}`).refused, REFUSED_REPORT.name)
      assert.equal(
        read(`BIN ${base64([...message, ...lengthed(8, entryOf('', 1))])}`).refused,
        REFUSED_REPORT.name,
      )
    }),
  )
})

test('any bytes are a report or a reason, and a report holds numbers that a server could mean', () => {
  const tokens = fc.constantFrom(
    'TEXT ',
    'JSON ',
    'BIN ',
    '{',
    '}',
    '"',
    ':',
    ',',
    '=',
    '.',
    '1',
    '1e999',
    '-',
    'cpu_utilization',
    'named_metrics',
    'rif',
    'NaN',
    ' ',
    'CQAAAAAAAPA/',
    'A',
  )
  const soup = fc.oneof(
    fc.array(tokens, { maxLength: 30 }).map((parts) => parts.join('')),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => `BIN ${base64([...bytes])}`),
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc
      .integer({ min: 1, max: 300 })
      .map((many) => `TEXT ${Array.from({ length: many }, (_, i) => `named_metrics.m${i}=1`).join(',')}`),
    fc.integer({ min: 1, max: 3 }).map((depth) => `JSON ${'{"named_metrics":'.repeat(depth * 100)}`),
  )
  fc.assert(
    fc.property(soup, fc.boolean(), (form, binary) => {
      const { refused, reader } = read(form, binary)
      assert.ok(Object.values<number>(REFUSED_REPORT).includes(refused))
      if (refused !== 0) return
      for (const number of Object.values(got(reader)))
        assert.ok(number === -1 || (number >= 0 && number <= 1e12))
    }),
    { numRuns: 2000 },
  )
})

test('JSON that stands is JSON that JSON.parse reads the same', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '"cpu_utilization"',
    '"eps"',
    '"named_metrics"',
    '"rif"',
    ':',
    ',',
    '1',
    '0.5',
    '-1',
    '1e3',
    ' ',
    'null',
    '[',
    ']',
    '"1"',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 16 }), (parts) => {
      const json = `{${parts.join('')}}`
      const { refused, reader } = read(`JSON ${json}`)
      if (refused !== 0) return
      const parsed = JSON.parse(json) as Record<string, unknown>
      assert.equal(reader.eps, Number(parsed['eps'] ?? 0))
      assert.equal(reader.utilisation, Number(parsed['cpu_utilization'] ?? -1))
    }),
    { numRuns: 5000 },
  )
})
