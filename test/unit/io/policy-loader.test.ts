import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClusterView } from '../../../src/balance/view.ts'
import type { PolicySpec, Snapshot } from '../../../src/config/snapshot.ts'
import { seededRng } from '../../../src/base/random.ts'
import { moduleUrl, PolicyLoader } from '../../../src/io/policy-loader.ts'
import { clusterSpec } from '../../support/specs.ts'

const folder = await mkdtemp(join(tmpdir(), 'weir-loader-'))
test.after(() => rm(folder, { recursive: true, force: true }))

const always = (index: number): string =>
  `export const policy = () => ({ rebuild() {}, pick: () => ${index} })\n`

async function written(name: string, text: string): Promise<PolicySpec> {
  const path = join(folder, name)
  await writeFile(path, text)
  return { name: `./${name}`, module: await moduleUrl(path), options: {} }
}

/** All that a loader looks at. */
const snapshotOf = (policy: PolicySpec, shadow?: PolicySpec): Snapshot =>
  ({ clusters: [clusterSpec({ policy, shadow })] }) as unknown as Snapshot

const pickOf = (loader: PolicyLoader, spec: PolicySpec): number =>
  loader.make(spec).pick(new ClusterView(3), 0, seededRng(1))

test('modules are made as loaded, those of a shadow too; another text is another policy', async () => {
  const loader = new PolicyLoader()
  const one = await written('one.mjs', always(1))
  const two = await written('two.mjs', always(2))
  await loader.load(snapshotOf(one, two))
  assert.deepEqual([pickOf(loader, one), pickOf(loader, two)], [1, 2])
  const edited = await written('one.mjs', always(0))
  await loader.load(snapshotOf(edited))
  assert.equal(pickOf(loader, edited), 0)
  assert.throws(() => loader.make(two), /was not loaded/)
})

test('a file that changed since it was verified is not run', async () => {
  const loader = new PolicyLoader()
  const spec = await written('changed.mjs', always(1))
  await writeFile(join(folder, 'changed.mjs'), always(2))
  await loader.load(snapshotOf(spec))
  assert.throws(() => loader.make(spec), /has changed since it was loaded/)
  await writeFile(join(folder, 'changed.mjs'), always(1))
  await loader.load(snapshotOf(spec))
  assert.equal(pickOf(loader, spec), 1)
})

test('a module that fails fails when it is made, not when it is loaded', async () => {
  const loader = new PolicyLoader()
  const spec = await written('fails.mjs', "throw new Error('not today')")
  await loader.load(snapshotOf(spec))
  assert.throws(() => loader.make(spec), /not today/)
})

test('built-in policies need no loading', () => {
  const spec: PolicySpec = { name: 'random', module: undefined, options: {} }
  assert.ok(pickOf(new PolicyLoader(), spec) < 3)
})
