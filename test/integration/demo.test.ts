import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ask } from '../support/backend.ts'
import { launch, weir } from '../support/weir.ts'

test('demo: backends of different characters behind one proxy, hints that work, Ctrl-C ends all of it', async (t) => {
  const demo = launch(t, ['demo', '--port', '0', '--admin-port=0'])
  await demo.line(/^weir: ready/)
  await demo.line(/Ctrl-C stops/)
  const web = demo.url('web')
  assert.ok(demo.lines.some((line) => line.includes(`curl -i ${web}/ `)))
  const names = new Set<string | undefined>()
  // One request at a time finds all alike idle: each is as likely as the others, and (2/3)^100 is never.
  for (let n = 0; n < 100 && names.size < 3; n++)
    names.add(/hello from (\w+)/.exec((await ask(web)).body)?.[1])
  assert.deepEqual(names, new Set(['quick', 'slow', 'steady']))
  const { body } = await ask(`${demo.adminUrl()}/api/v1/clusters`)
  assert.match(body, /"policy": ?"p2c"/)
  const statuses: number[] = []
  for (let n = 0; n < 4; n++) statuses.push((await ask(`${web}/flaky`)).status)
  assert.deepEqual(statuses, [200, 200, 200, 500])
  assert.equal((await ask(`${web}/echo`, { method: 'POST', body: 'hello' })).body, 'hello')
  await demo.line(/"GET \/flaky HTTP\/1\.1" 500/)
  demo.process.kill('SIGINT')
  await once(demo.process, 'exit')
  assert.equal(demo.process.exitCode, 0)
})

test('demo on a port that is taken says by whom and how to choose another', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1')
  t.after(() => squatter.close())
  await once(squatter, 'listening')
  const { port } = squatter.address() as AddressInfo
  const finished = await weir('demo', '--port', String(port), '--admin-port', '0')
  assert.equal(finished.code, 1)
  assert.match(finished.stderr, new RegExp(`127\\.0\\.0\\.1:${port} is taken by .*pid ${process.pid}`))
  assert.match(finished.stderr, /--port/)
})
