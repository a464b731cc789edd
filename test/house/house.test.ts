import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXCEPTIONS } from './exceptions.ts'
import { ALL_LAWS } from './laws/all.ts'
import { loadProject } from './project.ts'
import type { Breach } from './project.ts'

const project = loadProject()

test('the house is read', () => {
  const paths = project.modules.map((module) => module.path)
  for (const known of ['src/io/engine.ts', 'test/run.ts', 'test/house/house.test.ts'])
    assert.ok(paths.includes(known), known)
  const engine = project.modules.find((module) => module.path === 'src/io/engine.ts')
  assert.ok((engine?.tree.statements.length ?? 0) > 5)
})

for (const law of ALL_LAWS) {
  test(law.name, () => {
    const excused = new Set(
      EXCEPTIONS.filter((exception) => exception.law === law.name).map(({ path }) => path),
    )
    const breaches = law.check(project)
    const open = breaches.filter(({ path }) => !excused.has(path))
    assert.ok(open.length === 0, `${open.length} places:\n${open.map(show).join('\n')}`)
    const needed = new Set(breaches.map(({ path }) => path))
    const stale = [...excused].filter((path) => !needed.has(path))
    assert.deepEqual(stale, [], 'exceptions no longer needed: delete them from test/house/exceptions.ts')
  })
}

test('every exception names a law', () => {
  const names = ALL_LAWS.map((law) => law.name)
  for (const { law } of EXCEPTIONS) assert.ok(names.includes(law), law)
})

function show({ path, line, says }: Breach): string {
  return `${path}:${line} ${says}`
}
