import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearest } from '../../../src/config/suggest.ts'

test('edits count insertions, deletions, replacements and swaps of neighbours', () => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['timeuots', 'timeouts', 1],
    ['ca', 'abc', 3], // the restricted distance: no edit between swapped letters
  ]
  for (const [from, to, edits] of cases) {
    assert.equal(editDistance(from, to), edits, `${from} ${to}`)
    assert.equal(editDistance(to, from), edits, `${to} ${from}`)
  }
})

test('the nearest candidate is suggested, if it is near', () => {
  const keys = ['requestHead', 'keepAlive', 'client', 'clientFin', 'tunnel']
  assert.equal(nearest('keepalive', keys), 'keepAlive')
  assert.equal(nearest('keep_alive', keys), 'keepAlive')
  assert.equal(nearest('clinet', keys), 'client')
  assert.equal(nearest('clientfin', keys), 'clientFin')
  assert.equal(nearest('requestHeda', keys), 'requestHead')
  assert.equal(nearest('server', keys), undefined)
  assert.equal(nearest('x', keys), undefined)
  assert.equal(nearest('k'.repeat(1000), keys), undefined)
  assert.equal(nearest('', []), undefined)
})
