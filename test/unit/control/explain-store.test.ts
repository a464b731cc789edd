import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerExplain, answerExplainList } from '../../../src/control/explain-api.ts'
import { ExplainStore } from '../../../src/control/explain-store.ts'
import { explained } from '../../support/explained.ts'

const AMPLE = { keep: 3, maxChars: 1 << 20 }

test('failed and sampled records do not crowd one another out; the oldest of a kind goes first', () => {
  const store = new ExplainStore(AMPLE)
  store.add(explained({ id: 'f0', kept: 'failed', at: 1 }))
  for (let n = 0; n < 10; n++) store.add(explained({ id: `s${n}`, kept: 'sampled', at: 10 + n }))
  assert.equal(JSON.parse(store.find('f0') ?? '{}').id, 'f0')
  assert.equal(store.find('s6'), undefined)
  assert.ok(store.find('s7') !== undefined)
  const { chars, ...size } = store.size
  assert.deepEqual(size, { failed: 1, sampled: 3 })
  assert.ok(chars > 0)
  assert.equal(store.taken, 11)
})

test('characters are bounded besides, whatever the records; a smaller bound holds at once', () => {
  const record = (id: string): string => explained({ id, kept: 'failed' })
  const store = new ExplainStore({ keep: 1000, maxChars: 3 * record('00').length })
  for (let n = 10; n < 30; n++) {
    store.add(record(String(n)))
    assert.ok(store.size.chars <= 3 * record('00').length)
  }
  assert.equal(store.size.failed, 3)
  store.add(record('29')) // the same again replaces it
  assert.equal(store.size.failed, 3)
  store.setBounds({ keep: 1, maxChars: 1 << 20 })
  assert.deepEqual([store.size.failed, store.find('29') !== undefined], [1, true])
  store.setBounds({ keep: 0, maxChars: 1 << 20 })
  assert.deepEqual(store.size, { failed: 0, sampled: 0, chars: 0 })
})

test('what is no record is counted and forgotten; text within a record cannot pose as its head', () => {
  const store = new ExplainStore(AMPLE)
  for (const text of [
    '',
    '{}',
    '{"id":"x","tries":[]}',
    '{"id":7,"kept":"failed","tries":[]}',
    '{"id",,"tries":[',
  ])
    store.add(text)
  assert.deepEqual([store.malformed, store.taken, store.size.chars], [5, 0, 0])
  store.add(explained({ id: 'a","tries":[],"', kept: 'failed' }))
  assert.ok(store.find('a","tries":[],"') !== undefined)
})

test('the list: newest first, by cluster, by kind, bounded; wrong parameters are named', () => {
  const store = new ExplainStore({ keep: 100, maxChars: 1 << 20 })
  store.add(explained({ id: 'a', kept: 'failed', cluster: 'web', at: 1 }))
  store.add(explained({ id: 'b', kept: 'sampled', cluster: 'web', at: 3 }))
  store.add(explained({ id: 'c', kept: 'failed', cluster: 'api', at: 2 }))
  const facts = { store, sample: 0.01 }
  const ids = (query: string): string[] => {
    const { body } = answerExplainList(facts, new URLSearchParams(query))
    return (JSON.parse(body) as { requests: { id: string }[] }).requests.map(({ id }) => id)
  }
  assert.deepEqual(ids(''), ['b', 'c', 'a'])
  assert.deepEqual(ids('cluster=web'), ['b', 'a'])
  assert.deepEqual(ids('failed=true'), ['c', 'a'])
  assert.deepEqual(ids('failed=false&cluster=web'), ['b'])
  assert.deepEqual(ids('limit=1'), ['b'])
  for (const query of ['failed=yes', 'limit=0', 'limit=1001', 'limit=x', 'clsuter=web'])
    assert.equal(answerExplainList(facts, new URLSearchParams(query)).status, 422, query)
})

test('one record is shown whole; of what is not kept the answer says what is kept and how to keep more', () => {
  const store = new ExplainStore(AMPLE)
  const text = explained({ id: 'x', kept: 'sampled' })
  store.add(text)
  const facts = { store, sample: 0.01 }
  assert.deepEqual(JSON.parse(answerExplain(facts, 'x').body), JSON.parse(text))
  const missing = answerExplain(facts, 'y'.repeat(1000))
  assert.equal(missing.status, 404)
  assert.match(missing.body, /the last 3 of each.*explain\.sample is 0\.01: raise it/)
  assert.ok(missing.body.length < 1000)
})
