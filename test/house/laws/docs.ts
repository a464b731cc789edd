import type { Breach, Law, Project } from '../project.ts'
import { LAYERS } from './layers.ts'

const PAGES = ['README.md', 'ARCHITECTURE.md'] as const
const OURS =
  /^(src|workers|native|test|properties|bench)\/|^(package\.json|tsconfig\.json|LICENSE|[A-Z]+\.md|\.ci\/run)$/

function linesOf({ files }: Project, page: string): [line: number, text: string][] {
  return (files.get(page) ?? '').split('\n').map((text, index) => [index + 1, text])
}

export const pagesLaw: Law = {
  name: 'README and ARCHITECTURE are there',
  check: ({ files }) =>
    PAGES.filter((page) => !files.has(page)).map((path) => ({ path, line: 1, says: 'is missing: write it' })),
}

/** `src/http/h1/head.ts`, `src/http`, `[text](src/io/engine.ts)`: what looks like a path of ours must be one. */
export const pathsLaw: Law = {
  name: 'every path the pages name exists',
  check: (project) =>
    PAGES.flatMap((page) =>
      linesOf(project, page).flatMap(([line, text]) => wrongPaths(project, page, line, text)),
    ),
}

function wrongPaths({ files }: Project, page: string, line: number, text: string): Breach[] {
  const named = [...text.matchAll(/`([^`\s]+)`|\]\(([^)\s#]+)[^)]*\)/g)].map(
    (found) => found[1] ?? found[2] ?? '',
  )
  return named
    .map((name) =>
      name
        .replace(/^\.\//, '')
        .replace(/[:#]\d+$/, '')
        .replace(/\/$/, ''),
    )
    .filter((name) => OURS.test(name) && !/[*…{<]/.test(name) && !GENERATED.test(name))
    .filter((name) => !files.has(name) && ![...files.keys()].some((path) => path.startsWith(`${name}/`)))
    .map((name) => ({ path: page, line, says: `${name} does not exist: name what is there` }))
}

/** Made by a build or a run, so not among the sources. */
const GENERATED = /^(native\/build|bench\/results)(\/|$)/

export const foldersLaw: Law = {
  name: 'ARCHITECTURE describes every folder of src that holds something',
  check: (project) => {
    const page = project.files.get('ARCHITECTURE.md') ?? ''
    const exists = (folder: string): boolean =>
      [...project.files.keys()].some((path) => path.startsWith(`src/${folder}/`))
    return LAYERS.filter((folder) => exists(folder) && !new RegExp(`\\bsrc/${folder}\\b`).test(page)).map(
      (folder) => ({
        path: 'ARCHITECTURE.md',
        line: 1,
        says: `does not mention src/${folder}: say what it is for and what it does not know`,
      }),
    )
  },
}

export const commandsLaw: Law = {
  name: 'every npm command the pages name exists',
  check: (project) => {
    const { scripts } = JSON.parse(project.files.get('package.json') ?? '{}') as {
      scripts?: Record<string, string>
    }
    const known = new Set(Object.keys(scripts ?? {}))
    return PAGES.flatMap((page) =>
      linesOf(project, page).flatMap(([line, text]) =>
        [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)]
          .map((found) => found[1] ?? found[2] ?? '')
          .filter((name) => !known.has(name))
          .map((name) => ({ path: page, line, says: `npm run ${name} is no script of package.json` })),
      ),
    )
  },
}

export const scriptsLaw: Law = {
  name: 'every script of package.json starts a file that exists',
  check: ({ files }) => {
    const { scripts } = JSON.parse(files.get('package.json') ?? '{}') as { scripts?: Record<string, string> }
    return Object.entries(scripts ?? {}).flatMap(([name, command]) => {
      const script = /^node (\S+\.(?:ts|mjs))/.exec(command)?.[1]
      if (script === undefined || files.has(script)) return []
      return [{ path: 'package.json', line: 1, says: `script ${name}: ${script} does not exist` }]
    })
  },
}

/** What the README promises a newcomer is what is run before every change. */
export const ciLaw: Law = {
  name: 'CI runs the test command of the README, then the check',
  check: ({ files }) => {
    const breach = (path: string, says: string): Breach[] => [{ path, line: 1, says }]
    const command = /^(npm ci && npm test)\b/m.exec(files.get('README.md') ?? '')?.[1]
    if (command === undefined)
      return breach('README.md', 'does not give the test command, npm ci && npm test, on a line')
    const ci = files.get('.ci/run') ?? ''
    const [test, check] = [ci.indexOf(`'${command}'`), ci.indexOf('npm run check')]
    if (test === -1) return breach('.ci/run', `does not run the README's '${command}'`)
    return check > test ? [] : breach('.ci/run', 'does not run npm run check after the tests')
  },
}
