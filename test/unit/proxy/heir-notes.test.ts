/** What a dead shard's notes tell its heirs, and what they must not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientConnection } from '../../../src/downstream/client.ts'
import { NOTE, NOTE_WORDS, ROLE } from '../../../src/shm/notes.ts'
import { get, ProxyRig, respond } from '../../support/proxy-rig.ts'

test('a note that makes no sense costs its own connection, and no other', async () => {
  const rig = new ProxyRig({ shards: 2 })
  let answering = false
  rig.backend(() => (answering ? respond('fine') : undefined))
  const bad = rig.client(get('/bad'))
  const good = rig.client(get('/good'))
  rig.pass(100)
  rig.kill(0)
  const { words } = rig.shards[0]!.fleet.notes
  const rows = Array.from({ length: words.length / NOTE_WORDS }, (_, fd) => fd * NOTE_WORDS)
  const asking = rows.filter((at) => words[at + NOTE.role] === 3)
  assert.equal(asking.length, 2)
  words[asking[0]! + NOTE.start] = -5
  answering = true
  const result = await rig.settle(0)
  assert.equal(result.rescued, 1)
  rig.until(() => bad.resetBy !== 0 && good.text.endsWith('fine'))
  rig.conclude()
})

test('the note of an fd’s next tenant is not written to by the one before, who has not heard yet that it broke', () => {
  const rig = new ProxyRig()
  rig.backend(() => {})
  rig.client(get('/'))
  rig.pass(60)
  const { reactor } = rig.shards[0]!.shard
  for (const connection of reactor.connections()) {
    const at = connection.note
    const next = new Int32Array(NOTE_WORDS).fill(7)
    next[NOTE.generation] = connection.generation + 1
    reactor.notes.set(next, at)
    connection.noteRole(ROLE.responding)
    connection.notePeer(ROLE.busy, connection)
    if (connection instanceof ClientConnection) connection.onData(0, 5) // a request that is pipelined
    connection.handOver(0)
    connection.endNote()
    assert.deepEqual(reactor.notes.slice(at, at + NOTE_WORDS), next)
  }
})

test('wherever a shard dies in a request that was sent ahead, the answer is to that one, and not to the one before', async () => {
  let answered = 0
  for (let moments = 1; moments < 60; moments++) {
    const rig = new ProxyRig({ shards: 2 })
    rig.backend((_, request) => (request.startsWith('HEAD') ? respond('') : undefined))
    const head = get('/head').replace('GET', 'HEAD')
    const client = rig.client(head + get('/post', 'Content-Length: 0\r\n').replace('GET', 'POST'))
    rig.kill(0, moments)
    await rig.settle(0)
    rig.pass(100)
    const [first = '', second] = client.text.split(/(?=HTTP\/1.1 502 )/)
    if (second === undefined) continue
    answered++
    const { length } = second.slice(second.indexOf('\r\n\r\n') + 4)
    assert.match(second, new RegExp(`content-length: ${length}\r\n`, 'i'), `${moments}: ${second}`)
    const echo = /x-request-id: \w+/.exec(first)
    assert.ok(echo === null || !second.includes(echo[0]), `${moments}: ${client.text}`)
  }
  assert.ok(answered > 0)
})
