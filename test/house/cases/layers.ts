import type { Case } from './case.ts'

/** Of `laws/layers.ts` and `laws/purity.ts`. */
export const LAYER_CASES: readonly Case[] = [
  {
    law: /only downwards/,
    breaks: { 'src/http/a.ts': `import { x } from '../io/b.ts'`, 'src/io/b.ts': '' },
    says: /src\/http\/a\.ts:1 .*stands above/,
    holds: {
      'src/io/a.ts': `import { x } from '../http/b.ts'\nimport { y } from './c.ts'`,
      'src/http/b.ts': `import type { S } from '../config/snapshot.ts'`,
    },
  },
  {
    law: /only downwards/,
    breaks: { 'src/base/a.ts': `export { x } from '../route/b.ts'` },
    says: /a\.ts:1 .*stands above/,
    holds: { 'src/proxy/a.ts': `export { x } from '#base/b.ts'` },
  },
  {
    law: /only downwards/,
    breaks: { 'src/http/a.ts': `type X = import('../io/b.ts').X` },
    says: /stands above/,
    holds: { 'src/proxy/a.ts': `type X = import('../io/b.ts').X` },
  },
  {
    law: /only downwards/,
    breaks: { 'src/route/a.ts': `import { snapshot } from '../config/snapshot.ts'` },
    says: /stands above/,
    holds: { 'src/route/a.ts': `import type { Snapshot } from '../config/snapshot.ts'` },
  },
  {
    law: /only downwards/,
    breaks: { 'src/lab/a.ts': `import { open } from '../io/b.ts'` },
    says: /is pure and runs src\/io\/b\.ts/,
    holds: {
      'src/lab/a.ts': `import type { Engine } from '../io/b.ts'\nimport { pick } from '../balance/c.ts'`,
    },
  },
  {
    law: /only downwards/,
    breaks: { 'src/proxy/a.ts': `import { readFile } from 'node:fs/promises'` },
    says: /src\/proxy imports node:fs/,
    holds: {
      'src/io/a.ts': `import { readFile } from 'node:fs/promises'`,
      'src/control/b.ts': `import 'node:os'`,
      'workers/w.ts': `import 'node:os'`,
    },
  },
  {
    law: /only downwards/,
    breaks: { 'src/http/a.ts': `const x = await import('yaml')` },
    says: /imports the package yaml/,
    holds: {
      'src/config/a.ts': `import { parse } from 'yaml'`,
      'src/actor/b.ts': `import { wrap } from 'comlink'`,
    },
  },
  {
    law: /only downwards/,
    breaks: { 'src/control/a.ts': `import { x } from '../../workers/main.ts'` },
    says: /workers are doors/,
    holds: { 'src/control/a.ts': `const url = new URL('../../workers/main.ts', import.meta.url)` },
  },
  {
    law: /only downwards/,
    breaks: { 'src/proxy/a.ts': `import { engine } from '../../native/index.ts'` },
    says: /only src\/io and workers meet the native engine/,
    holds: { 'src/io/a.ts': `import { engine } from '../../native/index.ts'` },
  },
  {
    law: /only downwards/,
    breaks: { 'src/proxy/a.ts': `import { sim } from '../../test/support/sim.ts'` },
    says: /src does not know its tests/,
    holds: { 'test/unit/a.test.ts': `import { x } from '../../src/proxy/b.ts'` },
  },
  {
    law: /folders of the house/,
    breaks: { 'src/util/a.ts': '', 'src/b.ts': '' },
    says: /src\/util\/a\.ts[^]*src\/b\.ts/,
    holds: { 'src/http/h1/a.ts': '' },
  },
  {
    law: /top level/,
    breaks: { 'scripts/x.ts': '', 'package.json': '{}' },
    says: /^scripts:1 /,
    holds: { '.gitignore': '', 'src/base/a.ts': '', LICENSE: '' },
  },
  {
    law: /by a detour/,
    breaks: {
      'src/io/a.ts': `import { b } from './b.ts'`,
      'src/io/b.ts': `import { c } from './c.ts'`,
      'src/io/c.ts': `import { a } from './a.ts'`,
    },
    says: /src\/io\/a\.ts → src\/io\/b\.ts → src\/io\/c\.ts → src\/io\/a\.ts/,
    holds: { 'src/io/a.ts': `import { b } from './b.ts'`, 'src/io/b.ts': `import type { A } from './a.ts'` },
  },
  ...[
    'Date.now()',
    'new Date()',
    'Math.random()',
    'performance.now()',
    'process.env',
    'setTimeout(f, 1)',
    'console.log(1)',
    'globalThis.x',
    'crypto.getRandomValues(b)',
  ].map((use): Case => ({
    law: /are arguments/,
    breaks: { 'src/proxy/a.ts': `export const f = () => ${use}` },
    says: /src\/proxy\/a\.ts:1 uses /,
    holds: {
      'src/io/a.ts': `export const f = () => ${use}`,
      'src/proxy/b.ts': `// ${use}\nconst text = '${use}'\nexport const y = x.Date.setTimeout\nexport type T = Date`,
    },
  })),
  {
    law: /are arguments/,
    breaks: { 'src/base/a.ts': `const at = { Date, y: 1 }` },
    says: /uses Date/,
    holds: {
      'src/base/a.ts': `function process(console: number) { return console }\nconst t = { Date: 1, process }\nprocess(t.Date)`,
    },
  },
  ...[
    'async function f() {}',
    'const f = async () => 1',
    'const p = new Promise(f)',
    'const p = Promise.resolve(1)',
    'for await (const x of y) {}',
    'class A { async m() {} }',
  ].map((use): Case => ({
    law: /know no promise/,
    breaks: { 'src/limit/a.ts': use },
    says: /src\/limit\/a\.ts:1 uses (async|await|Promise)/,
    holds: { 'src/proxy/a.ts': use, 'src/limit/b.ts': 'export interface Slow { f(): Promise<void> }' },
  })),
]
