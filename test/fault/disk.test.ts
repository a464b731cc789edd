import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scrape } from '../support/observe.ts'
import { dialWeir, startProxy } from '../support/proxied.ts'
import { answering, scriptedBackend } from '../support/scripted.ts'
import { until } from '../support/weir.ts'

/** As long as a line may be: some thousand of them fill the ring and the file's buffers. */
const [TARGET, AGENT, REFERER] = ['x', 'y', 'z'].map((letter) => letter.repeat(2000))
const REQUEST = `GET /${TARGET} HTTP/1.1\r\nhost: a.example\r\nuser-agent: ${AGENT}\r\nreferer: ${REFERER}\r\n\r\n`
const CLIENTS = 16

for (const [what, path] of [
  ['a full disk', '/dev/full'],
  ['a folder that does not exist', '/nonexistent/folder/access.log'],
] as const) {
  test(`an access log on ${what}: it is said once, lines are dropped and counted, requests go on, and so does stopping`, async (t) => {
    const backend = await scriptedBackend(t, answering('ok'))
    const weir = await startProxy(t, { endpoints: [backend.address], shards: 1, more: `accessLog: ${path}` })
    const wires = await Promise.all(Array.from({ length: CLIENTS }, () => dialWeir(t, weir)))
    await until(async () => {
      for (let i = 0; i < 10; i++) {
        for (const wire of wires) wire.send(REQUEST)
        for (const wire of wires) assert.equal((await wire.response()).status, 200)
      }
      return (await scrape(weir)).value('weir_access_log_dropped_total') > 0
    }, 'lines are dropped')
    const complaints = weir.lines.filter((line) => /access log .*cannot be written/.test(line))
    assert.equal(complaints.length, 1, weir.lines.join('\n'))
    for (const wire of wires) wire.socket.destroy()
    assert.equal(await weir.stop(), 0)
  })
}
