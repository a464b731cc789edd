import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSource } from '../../../src/config/source.ts'

function complaints(text: string): readonly string[] {
  return openSource(text, 'f').diagnostics.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

test('positions: of values, of keys, inside lists, behind aliases', () => {
  const source = openSource('a: 1\nb:\n  - x\n  - { c: d }\ne: &e { f: [g] }\nh: *e\n', 'f')
  assert.deepEqual(source.diagnostics, [])
  assert.deepEqual(source.locate(['a'], 'value'), { line: 1, column: 4 })
  assert.deepEqual(source.locate(['a'], 'key'), { line: 1, column: 1 })
  assert.deepEqual(source.locate(['b', 0], 'value'), { line: 3, column: 5 })
  assert.deepEqual(source.locate(['b', 1, 'c'], 'value'), { line: 4, column: 10 })
  assert.deepEqual(source.locate(['b', 1, 'c'], 'key'), { line: 4, column: 7 })
  assert.deepEqual(source.locate(['h', 'f', 0], 'value'), { line: 5, column: 13 })
  // Nothing there: the nearest thing above.
  assert.deepEqual(source.locate(['b', 1, 'missing'], 'value'), { line: 4, column: 5 })
  assert.deepEqual(source.locate(['a', 'deeper', 3], 'value'), { line: 1, column: 4 })
  assert.deepEqual(source.locate([], 'value'), { line: 1, column: 1 })
})

test('keys are taken as written; `__proto__` is a key like another', () => {
  const { root } = openSource('8080: a\non: b\n__proto__: c\nconstructor: d\n', 'f')
  assert.deepEqual(
    root,
    new Map([
      ['8080', 'a'],
      ['on', 'b'],
      ['__proto__', 'c'],
      ['constructor', 'd'],
    ]),
  )
})

test('JSON is YAML', () => {
  const { root, diagnostics } = openSource('{"a": [1, true, null, "x"]}', 'f')
  assert.deepEqual(diagnostics, [])
  assert.deepEqual(root, new Map([['a', [1, true, null, 'x']]]))
})

test('what has two readings is refused', () => {
  assert.deepEqual(complaints('a: 1\nb: 2\na: 3\n'), ['3:1 duplicate key "a"'])
  assert.deepEqual(complaints('"a": 1\na: 2\n'), ['2:1 duplicate key "a"'])
  assert.deepEqual(complaints('a: 1\n---\nb: 2\n'), ['2:1 a second YAML document; a configuration is one'])
  assert.deepEqual(complaints('%YAML 1.1\n---\na: no\n'), ['1:1 YAML 1.1 is not supported, only 1.2'])
  assert.deepEqual(complaints('? [a]\n: 1\n'), ['1:3 a key must be a plain word'])
  assert.deepEqual(complaints('~: 1\n'), ['1:1 a key must be a plain word'])
  for (const tagged of ['!x y', '!!binary aGk=', '!!timestamp 2001-01-01', '!!set {b}', '!!str 5']) {
    assert.match(complaints(`a: ${tagged}\n`).join('\n'), /^1:\d+ YAML tags are not supported/, tagged)
  }
})

test('an empty text, or only comments, says what is expected', () => {
  for (const text of ['', '\n\n', '# nothing\n', '---\n', '~']) {
    const { root, diagnostics } = openSource(text, 'f')
    assert.equal(root, undefined)
    assert.match(diagnostics[0]?.message ?? '', /the file is empty/, text)
  }
})

test('an unquoted IPv6 address gets a hint', () => {
  assert.match(complaints('bind: [::1]:8080\n').join(), /an IPv6 address needs quotes/)
})

test('size, depth and aliases are bounded', () => {
  assert.deepEqual(complaints(' '.repeat((1 << 20) + 1)), ['1:1 the file is larger than 1 MiB'])
  for (const deep of ['['.repeat(200_000), '{a: '.repeat(100_000), '- '.repeat(1000), '? '.repeat(1000)]) {
    assert.match(complaints(deep).join(), /^1:\d+ nested deeper than 32 levels$/)
  }
  const laughs = Array.from({ length: 30 }, (_, at) =>
    at === 0
      ? 'a0: &a0 [x, x, x, x, x, x, x, x]'
      : `a${at}: &a${at} [${`*a${at - 1}, `.repeat(7)}*a${at - 1}]`,
  )
  assert.match(
    complaints(laughs.join('\n')).join(),
    /^\d+:\d+ aliases repeat too much: more than 500000 values in all$/,
  )
})

test('an alias may repeat what stands before it, and nothing else', () => {
  assert.deepEqual(
    openSource('a: &a [1]\nb: [*a, *a]\n', 'f').root,
    new Map([
      ['a', [1]],
      ['b', [[1], [1]]],
    ]),
  )
  assert.deepEqual(complaints('a: &a [*a]\n'), ['1:8 the alias *a is inside of what it repeats'])
  assert.match(complaints('a: *b\n').join(), /^1:4 .*\*?b/)
})
