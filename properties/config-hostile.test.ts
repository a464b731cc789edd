import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { hasErrors } from '../src/config/diagnostic.ts'
import { parseConfig } from '../src/config/parse.ts'
import { writtenConfig } from './config-arbitrary.ts'

/** Every answer is a configuration or errors, never both nor neither, and each diagnostic points into the text, in order. */
function assertAnswered(text: string): void {
  const { config, diagnostics } = parseConfig(text, 'f')
  assert.equal(config === undefined, hasErrors(diagnostics))
  const lines = text.split('\n')
  let before = 0
  for (const { line, column, message } of diagnostics) {
    assert.ok(line >= Math.max(1, before) && line <= lines.length, `line ${line}`)
    assert.ok(column >= 1 && column <= lines[line - 1]!.length + 1, `column ${column}`)
    assert.ok(message.length > 0 && message.length < 1000 && !message.includes('\n'))
    before = line
  }
}

const token = fc.constantFrom(
  'listeners', 'routes', 'clusters', 'endpoints', 'web', 'bind', 'timeouts', 'limits', 'policy', 'cluster', 'admin', '127.0.0.1:80',
  '10s', '8KiB', 'auto', 'null', '~', '0x10', '.inf', '.nan', '-1', '!!set', '!t', '&a', '*a', '<<', '? ', '- ', ': ', ', ', '{', '}',
  '[', ']', '"', "'", '|', '>', '#', '%YAML 1.1', '---', '...', '\n', '\n  ', '\n    ', '\t', ' ', '\0', '\u{1F600}', '\uFEFF', '\\', '__proto__',
) // prettier-ignore

test('law: any soup of YAML is answered by a configuration or by errors that point into it', () => {
  fc.assert(
    fc.property(
      fc.array(token, { maxLength: 40 }).map((tokens) => tokens.join('')),
      assertAnswered,
    ),
    { numRuns: 3000 },
  )
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), assertAnswered), { numRuns: 1000 })
})

test('a key that spans lines is shown on one (a counterexample of the law above)', () => {
  assertAnswered('? >\n  listeners')
  assertAnswered(`${'k'.repeat(3000)}: 1`)
})

test('law: a configuration with a piece cut out, repeated or replaced is answered too', () => {
  const edit = fc.tuple(fc.nat(), fc.nat(40), fc.oneof(fc.constant(''), token))
  fc.assert(
    fc.property(writtenConfig, fc.array(edit, { minLength: 1, maxLength: 4 }), (written, edits) => {
      let text = stringify(written)
      for (const [at, length, put] of edits) {
        const start = at % (text.length + 1)
        text = text.slice(0, start) + put + text.slice(start + length)
      }
      assertAnswered(text)
    }),
    { numRuns: 500 },
  )
})

test('law: a misspelt key is an error that names the key meant, wherever it is', () => {
  const keys = [
    'listeners',
    'routes',
    'clusters',
    'endpoints',
    'accessLog',
    'timeouts',
    'requestHead',
    'trustedProxies',
    'maxPerHost',
    'outliers',
    'maxEjected',
    'slowStart',
    'downInterval',
    'hashKey',
  ]
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.nat(), (key, at) => {
      const cut = at % key.length
      const misspelt = key.slice(0, cut) + key.slice(cut + 1)
      const text = `${stringify({
        accessLog: 'off',
        listeners: { w: { bind: '127.0.0.1:1', timeouts: { requestHead: '1s' }, trustedProxies: [] } },
        routes: [{ cluster: 'c' }],
        clusters: {
          c: {
            endpoints: ['a:1'],
            pool: { maxPerHost: 1 },
            policy: 'maglev',
            hashKey: 'path',
            outliers: { maxEjected: '20%' },
            slowStart: '1s',
            health: { tcp: 'on', downInterval: '1s' },
          },
        },
      })}`
      const { diagnostics } = parseConfig(text.replace(`${key}:`, `${misspelt}:`), 'f')
      assert.ok(
        diagnostics.some(({ message }) => message.includes(`did you mean "${key}"?`)),
        misspelt,
      )
    }),
  )
})
