import type { Breach, Import, Law, Module } from '../project.ts'

/** The house, lowest first: a folder imports from itself and from what stands before it. */
export const LAYERS: readonly string[] = [
  'base',
  'http',
  'shm',
  'actor',
  'telemetry',
  'route',
  'balance',
  'health',
  'limit',
  'filter',
  'io',
  'downstream',
  'upstream',
  'proxy',
  'config',
  'control',
  'lab',
]

/** Sans-I/O: bytes, numbers and the clock's reading come in as arguments. */
export const PURE: ReadonlySet<string> = new Set([...LAYERS.slice(0, LAYERS.indexOf('io')), 'lab'])

/** Folders that may use the runtime itself (`node:*`, clocks, timers). The rest is handed what it needs. */
export const WORLDLY: ReadonlySet<string> = new Set(['io', 'control'])

/** Types only, of what everybody is told to do. */
const SNAPSHOT = new Set([
  'src/config/snapshot.ts',
  'src/config/lifecycle.ts',
  'src/config/listener-limits.ts',
])

/** npm packages, each behind one folder. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@datadog/native-metrics': ['io'],
  comlink: ['actor'],
  piscina: ['control'],
  undici: ['io'],
  yaml: ['config'],
  /** Ourselves: examples import what a policy is as their readers will. */
  weir: ['lab'],
}

/** `src/http/h1/head.ts` → `http`; undefined outside of src. */
export function folderOf(path: string): string | undefined {
  const [top, folder, ...rest] = path.split('/')
  return top === 'src' && rest.length > 0 ? folder : undefined
}

export const layerLaw: Law = {
  name: 'imports point only downwards in the house',
  check: ({ modules }) => modules.flatMap((module) => module.imports.flatMap((at) => judge(module, at))),
}

function judge(module: Module, at: Import): Breach[] {
  const breach = (says: string): Breach[] => [{ path: module.path, line: at.line, says }]
  const from = folderOf(module.path)
  if (at.target === undefined) return from === undefined ? [] : foreign(from, at).flatMap(breach)
  const { target } = at
  if (target.startsWith('workers/') && !module.path.startsWith('workers/') && !isTest(module.path)) {
    return breach(`imports ${target}: workers are doors nobody imports; move what you need into src/`)
  }
  if (from === undefined) return []
  if (/^(test|properties|bench)\//.test(target))
    return breach(`imports ${target}: src does not know its tests`)
  if (target.startsWith('native/')) {
    return from === 'io'
      ? []
      : breach(
          `imports ${target}: only src/io and workers meet the native engine; take the port as an argument`,
        )
  }
  const to = folderOf(target)
  if (to === undefined) return breach(`imports ${target}: src imports only from src`)
  if (to === from || (at.typeOnly && SNAPSHOT.has(target))) return []
  if (LAYERS.indexOf(to) > LAYERS.indexOf(from)) {
    return breach(
      `src/${from} imports ${target}, which stands above it: move the shared part down or pass it in`,
    )
  }
  if (PURE.has(from) && !PURE.has(to) && !at.typeOnly) {
    return breach(`src/${from} is pure and runs ${target}, which is not: import only types, or pass it in`)
  }
  return []
}

function foreign(from: string, { specifier, typeOnly }: Import): string[] {
  if (typeOnly && !PURE.has(from)) return []
  if (specifier.startsWith('node:')) {
    if (WORLDLY.has(from)) return []
    return [
      `src/${from} imports ${specifier}: only src/io and src/control touch the runtime; add a port there and take it as an argument`,
    ]
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  if (PACKAGES[name]?.includes(from) === true) return []
  return [
    `src/${from} imports the package ${name}: it is not meant for this folder (see PACKAGES in test/house/laws/layers.ts)`,
  ]
}

function isTest(path: string): boolean {
  return /^(test|properties|bench)\//.test(path)
}

export const folderLaw: Law = {
  name: 'src holds the folders of the house and nothing else',
  check: ({ files }) =>
    [...files.keys()]
      .filter((path) => path.startsWith('src/') && !LAYERS.includes(folderOf(path) ?? ''))
      .map((path) => ({ path, line: 1, says: `belongs into one of src/{${LAYERS.join(',')}}` })),
}

const TOP_LEVEL: ReadonlySet<string> = new Set([
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'README.md',
  'ARCHITECTURE.md',
  'LICENSE',
  'src',
  'workers',
  'native',
  'test',
  'properties',
  'bench',
])

export const topLevelLaw: Law = {
  name: 'the top level holds only what DESIGN allows',
  check: ({ tracked }) => {
    const entries = new Set(tracked.map((path) => path.split('/')[0] ?? ''))
    return [...entries]
      .filter((entry) => !TOP_LEVEL.has(entry) && !entry.startsWith('.'))
      .map((path) => ({
        path,
        line: 1,
        says: 'is one entry too many at the top level: move it into a folder that stands there',
      }))
  },
}

export const cycleLaw: Law = {
  name: 'no module imports itself by a detour',
  check: ({ modules }) => {
    const graph = new Map(modules.map((module) => [module.path, runtimeTargets(module)]))
    const done = new Set<string>()
    const breaches: Breach[] = []
    for (const path of graph.keys()) findCycle({ graph, done, breaches }, path, [])
    return breaches
  },
}

type Search = {
  readonly graph: ReadonlyMap<string, readonly string[]>
  readonly done: Set<string>
  readonly breaches: Breach[]
}

function findCycle(search: Search, path: string, trail: readonly string[]): void {
  const at = trail.indexOf(path)
  if (at !== -1) {
    const cycle = [...trail.slice(at), path].join(' → ')
    search.breaches.push({
      path,
      line: 1,
      says: `import cycle ${cycle}: move what both need into a third file`,
    })
    return
  }
  if (search.done.has(path)) return
  for (const next of search.graph.get(path) ?? []) findCycle(search, next, [...trail, path])
  search.done.add(path)
}

function runtimeTargets(module: Module): string[] {
  return module.imports.flatMap((at) => (at.target === undefined || at.typeOnly ? [] : [at.target]))
}
