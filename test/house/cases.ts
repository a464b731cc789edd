/** Every law, shown what breaks it and what only looks like it: a law that cannot fail says nothing. */
export type Case = {
  readonly law: RegExp
  /** Path → text. */
  readonly breaks: Readonly<Record<string, string>>
  /** The breach expected, as `path:line` and words of its message. */
  readonly says: RegExp
  readonly holds: Readonly<Record<string, string>>
}

const lines = (count: number): string => 'void 0\n'.repeat(count)

export const CASES: readonly Case[] = [
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
  {
    law: /300 lines/,
    breaks: { 'src/io/a.ts': lines(301) },
    says: /a\.ts:300 has 301 lines/,
    holds: { 'src/io/a.ts': lines(300) },
  },
  {
    law: /300 lines/,
    breaks: { 'native/a.cpp': lines(301) },
    says: /a\.cpp/,
    holds: { 'README.md': lines(999) },
  },
  {
    law: /70 lines/,
    breaks: { 'src/io/a.ts': `const f = () => {\n${lines(69)}}` },
    says: /a\.ts:1 f has 71 lines/,
    holds: {
      'src/io/a.ts': `function f() {\n${lines(68)}}`,
      'test/a.test.ts': `describe('x', () => {\n${lines(99)}})`,
    },
  },
  {
    law: /70 lines/,
    breaks: { 'workers/a.ts': `class A {\n constructor() {\n${lines(69)}}}` },
    says: /a\.ts:2 constructor has 71/,
    holds: { 'workers/a.ts': `class A {\n${lines(99).replaceAll('void 0', 'm = 0')}}` },
  },
  {
    law: /4 parameters/,
    breaks: { 'bench/a.ts': 'function f(a, b, c, d, e) {}' },
    says: /f takes 5 parameters/,
    holds: { 'bench/a.ts': 'function f(this: X, a, b, c, d) {}' },
  },
  {
    law: /^no any$/,
    breaks: { 'src/io/a.ts': 'let x: any' },
    says: /a\.ts:1 says any/,
    holds: { 'src/io/a.ts': `let any = 'any' // any` },
  },
  {
    law: /default exports/,
    breaks: { 'src/io/a.ts': 'export default function f() {}' },
    says: /a\.ts:1/,
    holds: { 'src/io/a.ts': 'switch (x) { default: }' },
  },
  {
    law: /default exports/,
    breaks: { 'src/io/a.ts': 'const x = 1\nexport default x' },
    says: /a\.ts:2/,
    holds: { 'src/io/a.ts': 'export const x = 1' },
  },
  {
    law: /barrels/,
    breaks: { 'src/io/index.ts': `export * from './a.ts'\nexport { b } from './b.ts'` },
    says: /index\.ts:1/,
    holds: { 'src/io/index.ts': `export { b } from './b.ts'\nexport const a = 1` },
  },
  {
    law: /left for later/,
    breaks: { 'native/a.cpp': `// TO${'DO'}: more` },
    says: /a\.cpp:1/,
    holds: { 'src/io/a.ts': '// todo list, hacker, XXXL' },
  },
  {
    law: /focused/,
    breaks: { 'test/a.test.ts': `test${'.only'}('x', () => {})` },
    says: /hides/,
    holds: { 'test/a.test.ts': `test('x', { skip: reason }, () => {}); t.skip('no IPv6 here')` },
  },
  {
    law: /focused/,
    breaks: { 'test/a.test.ts': `test${'.skip'}('x', () => {})` },
    says: /reason/,
    holds: { 'test/a.test.ts': `reader.skip(4)` },
  },
  {
    law: /names a path/,
    breaks: { 'README.md': `see /ho${'me'}/me/x` },
    says: /README\.md:1/,
    holds: { 'README.md': 'GET /v1/home/x, src/work/a, https://a.example/home/b' },
  },
  {
    law: /silenced/,
    breaks: { 'src/io/a.ts': `// @ts-${'ignore'}\nf()` },
    says: /a\.ts:1/,
    holds: { 'src/io/a.ts': `// @ts-${'expect-error'} the type is wrong upstream` },
  },
  {
    law: /silenced/,
    breaks: { 'src/io/a.ts': `// oxlint-${'disable'}-next-line no-bitwise` },
    says: /reason/,
    holds: { 'src/io/a.ts': `// oxlint-${'disable'}-next-line no-bitwise -- flags` },
  },
  {
    law: /by URL exists/,
    breaks: { 'src/control/a.ts': `new Worker(new URL('../w.ts', import.meta.url))` },
    says: /src\/w\.ts does not exist/,
    holds: { 'src/control/a.ts': `new URL('./b.ts', import.meta.url)`, 'src/control/b.ts': '' },
  },
  {
    law: /loads the addon/,
    breaks: { 'src/io/a.ts': `require('../../native/build/weir.node')` },
    says: /native\/index\.ts/,
    holds: { 'native/index.ts': `require('./build/weir.node')` },
  },
  {
    law: /are there$/,
    breaks: { 'README.md': '' },
    says: /ARCHITECTURE\.md:1 is missing/,
    holds: { 'README.md': '', 'ARCHITECTURE.md': '' },
  },
  {
    law: /path the pages name/,
    breaks: { 'README.md': 'a\nsee `src/io/gone.ts` and [x](./test/gone/)' },
    says: /README\.md:2 src\/io\/gone\.ts[^]*test\/gone/,
    holds: {
      'README.md':
        '`src/io/a.ts`, `src/io/a.ts:3`, `src/io/`, `src/{io,http}`, [a](src/io/a.ts#x), `native/build/`',
      'src/io/a.ts': '',
    },
  },
  {
    law: /describes every folder/,
    breaks: { 'ARCHITECTURE.md': 'src/io', 'src/io/a.ts': '', 'src/http/a.ts': '' },
    says: /src\/http/,
    holds: { 'ARCHITECTURE.md': '`src/io`', 'src/io/a.ts': '' },
  },
  {
    law: /npm command/,
    breaks: { 'README.md': 'npm run gone', 'package.json': '{"scripts":{}}' },
    says: /gone/,
    holds: {
      'README.md': 'npm ci && npm test; npm run a:b',
      'package.json': '{"scripts":{"test":"x","a:b":"y"}}',
    },
  },
  {
    law: /script of package/,
    breaks: { 'package.json': '{"scripts":{"x":"node test/x.ts --y"}}' },
    says: /test\/x\.ts/,
    holds: { 'package.json': '{"scripts":{"x":"node test/x.ts","y":"tsc"}}', 'test/x.ts': '' },
  },
]
