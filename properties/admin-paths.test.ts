import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchPath, splitTarget } from '../src/control/admin-path.ts'
import { readPatch } from '../src/control/patch.ts'
import { ADMIN_STATES } from '../src/health/states.ts'

const TEMPLATE = '/api/v1/clusters/{cluster}/endpoints/{address*}'

/** What percent-encoding can say: no lone surrogates. */
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })

test('whatever a cluster and an address are called, their encoded path names them and nobody else', () => {
  fc.assert(
    fc.property(name, name, fc.string(), (cluster, address, query) => {
      const target = `/api/v1/clusters/${encodeURIComponent(cluster)}/endpoints/${encodeURIComponent(address)}?${query}`
      const { path } = splitTarget(target)
      assert.deepEqual(matchPath(TEMPLATE, path), { cluster, address })
      assert.equal(matchPath('/api/v1/clusters/{cluster}', path), undefined)
    }),
  )
})

test('any target is a path or none, and a path matches only if filling the template in gives it back', () => {
  const target = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `/api/v1/clusters/${rest}`),
    fc.tuple(fc.string(), fc.string()).map(([a, b]) => `/api/v1/clusters/${a}/endpoints/${b}`),
  )
  fc.assert(
    fc.property(target, (text) => {
      const { path } = splitTarget(text)
      const params = matchPath(TEMPLATE, path)
      if (params === undefined) return
      const [cluster, address] = [params['cluster'] ?? '', params['address'] ?? '']
      assert.ok(cluster !== '' && address !== '')
      const decoded = path.split('/').map(decodeURIComponent)
      assert.deepEqual(['', 'api', 'v1', 'clusters', cluster, 'endpoints'], decoded.slice(0, 6))
      assert.equal(decoded.slice(6).join('/'), address)
    }),
  )
})

test('a patch is taken exactly if it is an object of nothing but a known admin state and a weight in range, one at least', () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(...ADMIN_STATES, 'up', null, true, 0, 1, 1_000_000, 1_000_001, -1, 0.5, '3'),
    fc.jsonValue(),
  )
  const key = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('admin', 'weight') },
    { weight: 1, arbitrary: fc.constantFrom('Admin', 'state', '__proto__', '') },
  )
  const body = fc.oneof(
    fc.array(fc.tuple(key, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as unknown),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(body, (wanted) => {
      const read = readPatch('application/json', Buffer.from(JSON.stringify(wanted)))
      if (isPatch(wanted)) assert.deepEqual(read, wanted)
      else assert.equal('status' in read && read.status, 422, JSON.stringify(wanted))
    }),
  )
})

/** The law, said once more. */
function isPatch(wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return false
  const entries = Object.entries(JSON.parse(JSON.stringify(wanted)) as object) as [string, unknown][]
  const fits = ([key, value]: readonly [string, unknown]): boolean =>
    (key === 'admin' && (value === 'ready' || value === 'drain' || value === 'down')) ||
    (key === 'weight' &&
      (value === null || (typeof value === 'number' && value % 1 === 0 && value >= 0 && value <= 1e6)))
  return entries.length > 0 && entries.every(fits)
}
