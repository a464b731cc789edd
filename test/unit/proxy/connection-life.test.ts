/** How long a client's connection may live: by age and by requests, each spread by chance, and without losing a request. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'
import { LISTENER } from '../../support/sim-shard.ts'

const aged = (connectionAgeMs: number): { timeouts: typeof LISTENER.timeouts } => ({
  timeouts: { ...LISTENER.timeouts, connectionAgeMs },
})

const limited = (requestsPerConnection: number): { limits: typeof LISTENER.limits } => ({
  limits: { ...LISTENER.limits, requestsPerConnection },
})

const answers = (text: string): number => text.split('HTTP/1.1 200').length - 1
const closes = (text: string): number => text.split('connection: close').length - 1

test('an idle connection is closed at its age, a tenth more or less, and not as a timeout', () => {
  const rig = new ProxyRig({ listener: aged(20_000) })
  rig.backend(respond('x'))
  const clients = Array.from({ length: 100 }, () => rig.client(get()))
  const startMs = rig.nowMs
  const ages: number[] = []
  for (const client of clients) client.onFin = (): number => ages.push(rig.nowMs - startMs)
  rig.world.run({ untilMs: startMs + 22_151 })
  assert.equal(ages.length, 100)
  assert.ok(ages[0]! >= 17_990 && ages[0]! < 18_400, `the first: ${ages[0]} ms`)
  assert.ok(ages[99]! > 21_600, `the last: ${ages[99]} ms`)
  assert.ok(clients.every(({ resetBy }) => resetBy === 0))
  rig.conclude()
})

test('a connection in use is told with a response when it is old, and loses no request', () => {
  const rig = new ProxyRig({ listener: aged(5000) })
  rig.backend(respond('x'))
  const client = rig.client()
  const startMs = rig.nowMs
  let sent = 0
  const send = (): void => {
    if (closes(client.text) > 0) return
    sent++
    client.send(get())
    rig.world.after(60, send)
  }
  send()
  rig.until(() => client.finReceived)
  assert.deepEqual([answers(client.text), closes(client.text)], [sent, 1])
  const ageMs = rig.nowMs - startMs
  assert.ok(ageMs >= 4400 && ageMs <= 5600, `${ageMs} ms`)
  rig.conclude()
})

test('age is no excuse to leave requests unanswered that were sent ahead', () => {
  const rig = new ProxyRig({ listener: aged(1000) })
  rig.backend((peer) => {
    rig.world.after(400, () => peer.send(respond('x')))
  })
  const client = rig.client(get().repeat(5))
  rig.until(() => client.finReceived)
  assert.deepEqual([answers(client.text), closes(client.text)], [5, 1])
  rig.conclude()
})

test('a connection is closed behind so many requests, a tenth more or less', () => {
  const rig = new ProxyRig({ listener: limited(50) })
  rig.backend(respond('x'))
  const counts = Array.from({ length: 40 }, () => {
    const client = rig.client()
    let seen = 0
    client.onData = (): void => {
      if (answers(client.text) === seen) return
      seen = answers(client.text)
      if (closes(client.text) === 0) client.send(get())
    }
    client.send(get())
    rig.until(() => client.finReceived)
    assert.equal(closes(client.text), 1)
    return seen
  })
  assert.ok(Math.min(...counts) >= 45 && Math.max(...counts) <= 55, counts.join())
  assert.ok(new Set(counts).size >= 6, counts.join())
  rig.conclude()
})

test('a limit of one request is one request; none is none', () => {
  for (const [limit, closed] of [
    [1, 1],
    [0, 0],
  ] as const) {
    const rig = new ProxyRig({ listener: limited(limit) })
    rig.backend(respond('x'))
    const client = rig.client(get())
    rig.until(() => client.text.endsWith('x'))
    assert.equal(closes(client.text), closed)
    rig.conclude()
  }
})
