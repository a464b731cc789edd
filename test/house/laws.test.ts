import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_LAWS } from './laws/all.ts'
import { LAYER_CASES } from './cases/layers.ts'
import { SHAPE_CASES } from './cases/shape.ts'
import { projectOf } from './project.ts'

const CASES = [...LAYER_CASES, ...SHAPE_CASES]

for (const [index, { law, breaks, says, holds }] of CASES.entries()) {
  const found = ALL_LAWS.filter(({ name }) => law.test(name))
  test(`“${found[0]?.name}” can fail and can hold, case ${index + 1}`, () => {
    assert.equal(found.length, 1, `${law} names one law`)
    const show = (texts: Readonly<Record<string, string>>): string =>
      (found[0]?.check(projectOf(new Map(Object.entries(texts)))) ?? [])
        .map((at) => `${at.path}:${at.line} ${at.says}`)
        .join('\n')
    assert.match(show(breaks), says)
    assert.equal(show(holds), '')
  })
}

test('every law has a case', () => {
  const bare = ALL_LAWS.filter(({ name }) => !CASES.some(({ law }) => law.test(name)))
  assert.deepEqual(
    bare.map(({ name }) => name),
    [],
  )
})
