import { SyntaxKind } from 'typescript/unstable/ast'
import { posix } from 'node:path'
import { breachAt, visit } from '../project.ts'
import type { Breach, Law, Project } from '../project.ts'

/** Lines of text files that match, as breaches. The laws themselves spell what they forbid, so test/house is left out. */
function grep({ files }: Project, where: RegExp, what: RegExp, says: string): Breach[] {
  const breaches: Breach[] = []
  for (const [path, text] of files) {
    if (!where.test(path) || path.startsWith('test/house/') || path === 'package-lock.json') continue
    for (const [index, line] of text.split('\n').entries()) {
      const found = what.exec(line)
      if (found !== null) breaches.push({ path, line: index + 1, says: `${found[0].trim()}: ${says}` })
    }
  }
  return breaches
}

const CODE = /\.(ts|mjs|c|cc|cpp|h|hpp|lua|sh)$|^\.ci\//

export const leftoverLaw: Law = {
  name: 'nothing is left for later in comments',
  check: (project) =>
    grep(project, CODE, /\b(TODO|FIXME|XXX|HACK)\b/, 'do it now, or write down as a fact what is not done'),
}

export const focusLaw: Law = {
  name: 'no test is focused, and a skipped one says why',
  check: (project) => [
    ...grep(
      project,
      /\.ts$/,
      /\b(test|it|describe|suite|t)\.only\(|\bonly: true/,
      'hides every other test: remove it',
    ),
    ...grep(
      project,
      /\.ts$/,
      /\b(test|it|describe|suite)\.(skip|todo)\(|\bskip: true|\btodo: true/,
      "give the reason: { skip: 'why' }",
    ),
    ...grep(project, /\.ts$/, /\bt\.(skip|todo)\(\)/, "give the reason: t.skip('why')"),
  ],
}

export const machineLaw: Law = {
  name: 'nothing names a path of the machine it was written on',
  check: (project) =>
    grep(
      project,
      /./,
      /(?<![\w.$}/])\/(work|home|root|Users)\/[\w.-]+/,
      'make it relative to the repository or a temporary directory',
    ),
}

export const suppressionLaw: Law = {
  name: 'a silenced check says why',
  check: (project) => [
    ...grep(project, /\.ts$/, /@ts-(ignore|nocheck)\b/, 'use @ts-expect-error and a reason'),
    ...grep(project, /\.ts$/, /@ts-expect-error\s*(\*\/)?$/, 'give the reason behind it'),
    ...grep(project, /\.ts$/, /(ox|es)lint-disable(?!.* -- \S).*/, 'give the reason behind ` -- `'),
  ],
}

export const urlLaw: Law = {
  name: 'a file started by URL exists',
  check: ({ modules, files }) =>
    modules.flatMap((module) => {
      const breaches: Breach[] = []
      visit(module.tree, (node) => {
        if (node.kind !== SyntaxKind.NewExpression) return
        const found = /^new URL\(\s*'(\.[^']*\.(?:ts|mjs))',\s*import\.meta\.url\s*,?\s*\)$/.exec(
          node.getText(module.tree),
        )
        if (found === null) return
        const target = posix.join(posix.dirname(module.path), found[1] ?? '')
        if (!files.has(target))
          breaches.push(
            breachAt(module, node, `${target} does not exist: the compiler does not see this, a user would`),
          )
      })
      return breaches
    }),
}

/** The addon is loaded in one place; nothing else needs to load anything but by import. */
export const addonLaw: Law = {
  name: 'only native/index.ts loads the addon',
  check: (project) =>
    [
      ...grep(project, /\.ts$/, /\bprocess\.dlopen\b|\bcreateRequire\b/, 'go through native/index.ts'),
      ...grep(project, /^(src|workers|native)\/.*\.ts$/, /\brequire\(/, 'go through native/index.ts'),
    ].filter(({ path }) => path !== 'native/index.ts'),
}
