import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ViewTwin } from '../../../src/balance/twin.ts'
import { ClusterView } from '../../../src/balance/view.ts'

test('a twin has the clock of its view from the beginning, and of whenever it is copied anew', () => {
  const live = new ClusterView(2)
  live.nowMs = 1000
  const twin = new ViewTwin(live)
  assert.equal(twin.view.nowMs, 1000)
  live.nowMs = 2000
  live.weights[1] = 5
  twin.copyAll()
  assert.deepEqual([twin.view.nowMs, [...twin.view.weights]], [2000, [1, 5]])
})
