import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ascii, text } from '../../../src/base/bytes.ts'
import { CookieFinder } from '../../../src/http/cookies.ts'
import { requestOf } from '../../support/requests.ts'

const valuesOf = (lines: readonly string[], name: string): string[] => {
  const { head } = requestOf(lines)
  const finder = new CookieFinder()
  finder.seek(head, ascii(name))
  const values: string[] = []
  while (finder.next()) values.push(text(head.bytes, finder.start, finder.end))
  assert.equal(finder.next(), false)
  return values
}

test('cookies: all of a name, in order, over all fields; others are passed over', () => {
  const lines = [
    'Cookie: a=1; b=2;a=3',
    'X-Cookie: a=9',
    'cookie: ab=4; a="5";  a =6; a',
    'Cookie: A=7; a=;b',
  ]
  assert.deepEqual(valuesOf(lines, 'a'), ['1', '3', '"5"', ''])
  assert.deepEqual(valuesOf(lines, 'b'), ['2'])
  assert.deepEqual(valuesOf(lines, 'c'), [])
  assert.deepEqual(valuesOf([], 'a'), [])
  assert.deepEqual(valuesOf(['Cookie:', 'Cookie: ;;; ;', 'Cookie: =; a=b=c \t;'], 'a'), ['b=c'])
})

test('cookies: whatever is in the fields, found is what splitting them finds', () => {
  const piece = fc.constantFrom('a', 'b', 'aa', '=', ';', ' ', '\t', '"', '1', 'a=', '; a=1', 'é')
  const value = fc.array(piece, { maxLength: 20, size: 'max' }).map((pieces) => pieces.join('').trim())
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), fc.constantFrom('a', 'aa', 'b'), (fields, name) => {
      const expected = fields
        .flatMap((field) => field.split(';'))
        .map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ''))
        .filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => pair.slice(name.length + 1).replace(/^[ \t]+/, ''))
      assert.deepEqual(
        valuesOf(
          fields.map((field) => `Cookie: ${field}`),
          name,
        ),
        expected,
      )
    }),
    { numRuns: 500 },
  )
})
