import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { scrape } from '../support/observe.ts'
import { dialWeir, GET, ok, startProxy } from '../support/proxied.ts'
import { answering, scriptedBackend, silence } from '../support/scripted.ts'
import { until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope } from '../support/wire.ts'

type Line = Readonly<Record<string, string | number | boolean | null>>

const scope: Scope = { after }
const backend = await scriptedBackend(scope)
const folder = await mkdtemp(join(tmpdir(), 'weir-log-'))
after(() => rm(folder, { recursive: true, force: true }))
const start = (name: string, format: string): Promise<Weir> =>
  startProxy(scope, {
    endpoints: [backend.address],
    shards: 1,
    listener: 'timeouts: { requestHead: 300ms, client: 300ms }',
    cluster: 'timeouts: { server: 300ms }',
    more: `accessLog: { path: ${folder}/${name}, ${format} }`,
  })
const json = await start('json', 'format: json')
const text = await start('text', 'format: text')
const sampled = await start('sampled', 'sample: 0.2')

async function linesOf(name: string): Promise<readonly string[]> {
  const content = await readFile(join(folder, name), 'latin1').catch(() => '')
  return content.split('\n').slice(0, -1)
}

/** The line that this adds to the JSON log. */
async function lineOf(what: () => Promise<unknown>): Promise<Line> {
  const before = (await linesOf('json')).length
  await what()
  await until(async () => (await linesOf('json')).length > before, 'its line')
  const added = (await linesOf('json')).slice(before)
  assert.equal(added.length, 1, added.join('\n'))
  return JSON.parse(added[0] ?? '') as Line
}

const ENDINGS: Readonly<
  Record<string, readonly [by: string, status: number | null, what: (t: Scope) => Promise<unknown>]>
> = {
  complete: [
    'none',
    200,
    async (t) => {
      backend.play(answering('ok'))
      const wire = await dialWeir(t, json)
      wire.send(GET)
      await wire.response()
    },
  ],
  'client-abort': [
    'client',
    0,
    async (t) => {
      backend.play(silence)
      const wire = await dialWeir(t, json)
      wire.send(GET)
      await until(() => backend.wires.some(({ bytes }) => bytes.length > 0), 'the request is there')
      wire.socket.end()
    },
  ],
  'client-reset': [
    'client',
    200,
    async (t) => {
      backend.play(async (wire) => {
        await wire.request()
        wire.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart')
        await silence(wire)
      })
      const wire = await dialWeir(t, json)
      wire.send(GET)
      await wire.until(({ text: got }) => got.endsWith('part'), 'a part')
      wire.reset()
    },
  ],
  'upstream-reset': [
    'upstream',
    502,
    async (t) => {
      backend.play(async (wire) => {
        await wire.request()
        wire.reset()
        await silence(wire)
      })
      const wire = await dialWeir(t, json)
      wire.send(GET)
      await wire.response()
    },
  ],
  'upstream-closed': [
    'upstream',
    200,
    async (t) => {
      backend.play(async (wire) => {
        await wire.request()
        wire.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart')
        wire.socket.end()
        await silence(wire)
      })
      const wire = await dialWeir(t, json)
      wire.send(GET)
      await wire.ending()
    },
  ],
  'upstream-timeout': [
    'upstream',
    504,
    async (t) => {
      backend.play(silence)
      const wire = await dialWeir(t, json)
      wire.send(GET)
      await wire.response()
    },
  ],
  'upstream-malformed': [
    'upstream',
    502,
    async (t) => {
      backend.play(async (wire) => {
        await wire.request()
        wire.send('nonsense\r\n\r\n')
        await silence(wire)
      })
      const wire = await dialWeir(t, json)
      wire.send(GET)
      await wire.response()
    },
  ],
  'client-timeout': [
    'client',
    408,
    async (t) => {
      backend.play(silence)
      const wire = await dialWeir(t, json)
      wire.send('POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 10\r\n\r\npart')
      await wire.response()
    },
  ],
  'head-timeout': [
    'client',
    408,
    async (t) => {
      const wire = await dialWeir(t, json)
      wire.send('GET / HTTP/1.1\r\nhost')
      await wire.response()
    },
  ],
  'request-rejected': [
    'client',
    400,
    async (t) => {
      const wire = await dialWeir(t, json)
      wire.send('GET / HTTP/1.1\r\n\r\n')
      await wire.response()
    },
  ],
}
for (const [outcome, [by, status, what]] of Object.entries(ENDINGS)) {
  test(`one line says who ended it and why: ${outcome}`, async (t) => {
    const line = await lineOf(() => what(t))
    assert.deepEqual([line['outcome'], line['endedBy'], line['status'] ?? 0], [outcome, by, status])
  })
}

test('JSON: all there is to know of a request, and the id its client got', async (t) => {
  backend.play(async (wire) => {
    const { body } = await wire.request()
    await new Promise((resolve) => setTimeout(resolve, 30))
    wire.send(ok(body.toString()))
  })
  let id = ''
  const line = await lineOf(async () => {
    const wire = await dialWeir(t, json)
    wire.send(
      'PUT /p?q=1 HTTP/1.1\r\nhost: b.example\r\nuser-agent: test/1\r\nreferer: http://r/\r\ncookie: secret=1\r\nauthorization: Basic c2VjcmV0\r\ncontent-length: 4\r\n\r\nbody',
    )
    id = (await wire.response()).headers['x-request-id'] ?? ''
  })
  const { time, firstByteMs, totalMs, connectMs, bytesOut, ...rest } = line
  assert.ok(Math.abs(Date.now() - Date.parse(String(time))) < 5000)
  assert.ok(Number(firstByteMs) >= 25 && Number(totalMs) >= Number(firstByteMs), JSON.stringify(line))
  assert.ok(connectMs === null || Number(connectMs) >= 0)
  assert.ok(Number(bytesOut) > 4)
  assert.deepEqual(rest, {
    peer: '127.0.0.1',
    method: 'PUT',
    target: '/p?q=1',
    host: 'b.example',
    userAgent: 'test/1',
    referer: 'http://r/',
    requestId: id,
    protocol: 'HTTP/1.1',
    status: 200,
    bytesIn: 4,
    route: 0,
    retries: 0,
    queueMs: null,
    shard: 0,
    listener: 'web',
    cluster: 'web',
    endpoint: backend.address,
    reused: rest['reused'] ?? null,
    outcome: 'complete',
    endedBy: 'none',
  })
})

test('text: the combined format and then words; hostile bytes cannot break out of a line or a field', async (t) => {
  backend.play(answering('ok'))
  const wire = await dialWeir(t, text)
  wire.send(
    'GET /a%22b?~ HTTP/1.0\r\nhost: a.example\r\nuser-agent: x" 200 "\\\xff\xe2\x80\xa8\t\r\nreferer: \r\n\r\n',
  )
  await wire.ending()
  await until(async () => (await linesOf('text')).length === 1, 'its line')
  const [line = ''] = await linesOf('text')
  const shape =
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "[^"]*" \d{3} \d+ "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*" host="a\.example" ts=\S+ in=0 queue=- connect=\S+ first=\S+ total=\S+ shard=0 listener=web cluster=\S+ endpoint=\S+ route=\S+ retries=0 reused=[01] outcome=\S+ by=\S+ id=\S+$/
  assert.match(line, shape)
  assert.doesNotMatch(line, /[^\x20-\x7e]/)
})

test('sample: a share of the requests', async (t) => {
  const wire = await dialWeir(t, sampled)
  const count = 400
  for (let i = 0; i < count; i++) {
    wire.send(GET)
    await wire.response()
  }
  const records = (await scrape(sampled)).value('weir_access_log_records_total')
  await until(async () => (await linesOf('sampled')).length === records, 'the lines')
  // Binomial(400, 0.2): 80 ± 8; eight deviations either way are not seen in a lifetime.
  assert.ok(records > 16 && records < 144, String(records))
})

test('SIGHUP follows a rotation', async (t) => {
  const { rename } = await import('node:fs/promises')
  await rename(join(folder, 'json'), join(folder, 'json.1'))
  const from = json.lines.length
  json.process.kill('SIGHUP')
  await json.line(/^weir: reload/, from)
  await until(
    () =>
      readFile(join(folder, 'json')).then(
        () => true,
        () => false,
      ),
    'the new file is there',
  )
  assert.equal(
    (
      await lineOf(async () => {
        const wire = await dialWeir(t, json)
        wire.send(GET)
        await wire.response()
      })
    )['outcome'],
    'complete',
  )
})
