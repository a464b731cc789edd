import type { Case } from './case.ts'

/** Of `laws/shape.ts`, `laws/text.ts` and `laws/docs.ts`. */
const lines = (count: number): string => 'void 0\n'.repeat(count)

export const SHAPE_CASES: readonly Case[] = [
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
    law: /70 lines/,
    breaks: { 'native/a.cc': `namespace {\nint f(int a) {\n${lines(69)}}\n}` },
    says: /a\.cc:2 a function has 71/,
    holds: { 'native/a.cc': `namespace {\nint f(int a) {\n${lines(68)}}\n}\nstruct A {\n${lines(99)}};\n` },
  },
  {
    law: /70 lines/,
    breaks: { 'test/a.ts': `function cases() {\nreturn [() => {\n${lines(69)}}]\n}` },
    says: /a\.ts:2 a function has 71/,
    holds: { 'test/a.ts': `function cases() {\nreturn [() => {\n${lines(60)}}, () => {\n${lines(60)}}]\n}` },
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
  {
    law: /CI runs/,
    breaks: {
      'README.md': 'npm ci && npm test # all',
      '.ci/run': "npm run check; bash -c 'npm ci && npm test'",
    },
    says: /after the tests/,
    holds: { 'README.md': 'npm ci && npm test', '.ci/run': "bash -c 'npm ci && npm test'; npm run check" },
  },
]
