import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shardsOf } from '../support/mortal.ts'
import { dialWeir, GET, settingText } from '../support/proxied.ts'
import { scrape } from '../support/observe.ts'
import { scriptedBackend } from '../support/scripted.ts'
import { startWeir, until } from '../support/weir.ts'
import type { Weir } from '../support/weir.ts'
import type { Scope, Wire } from '../support/wire.ts'

const text = (address: string, shards: number): string =>
  settingText({ endpoints: [address], shards, listener: 'limits: { connections: 100 }' }).replace(
    'hard: 5s',
    'hard: 500ms',
  )

async function served(wires: readonly Wire[]): Promise<void> {
  for (const wire of wires) wire.send(GET)
  for (const wire of wires) assert.equal((await wire.response()).status, 200)
}

const dialMany = (t: Scope, weir: Weir, count: number): Promise<readonly Wire[]> =>
  Promise.all(Array.from({ length: count }, () => dialWeir(t, weir)))

test('a reload changes the number of shards, up and down: no connection is lost, each serves, and what they count adds up', async (t) => {
  const backend = await scriptedBackend(t)
  const weir = await startWeir(t, text(backend.address, 2))
  const wires = [...(await dialMany(t, weir, 24))]
  await served(wires)
  for (const shards of [4, 1, 3]) {
    const verdict = await weir.reload(text(backend.address, shards))
    assert.match(verdict, /^weir: reloaded/, weir.lines.join('\n'))
    await until(async () => {
      const facts = await shardsOf(weir)
      return facts.length === shards && facts.every(({ state }) => state === 'running')
    }, `${shards} shards`)
    await served(wires)
    wires.push(...(await dialMany(t, weir, 12)))
    await served(wires)
    const facts = await shardsOf(weir)
    assert.equal(
      facts.reduce((sum, { connections }) => sum + connections, 0),
      wires.length,
    )
    assert.equal((await scrape(weir)).value('weir_listener_connections'), wires.length)
  }
  assert.ok(
    (await shardsOf(weir)).every(({ connections }) => connections > 0),
    'each has some',
  )
  assert.ok(wires.every(({ ended }) => ended === undefined))
})

test('more shards than there is room for are refused, and nothing changes', async (t) => {
  const backend = await scriptedBackend(t)
  const weir = await startWeir(t, text(backend.address, 2))
  const [wire] = await dialMany(t, weir, 1)
  assert.match(await weir.reload(text(backend.address, 128)), /^weir: reload refused/)
  assert.ok(
    weir.lines.some((line) => /shards: 128: the running program has room for \d+/.test(line)),
    weir.lines.join('\n'),
  )
  assert.equal((await shardsOf(weir)).length, 2)
  await served([wire!])
})
