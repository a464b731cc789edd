import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { API } from 'typescript/unstable/sync'
import { createVirtualFileSystem } from 'typescript/unstable/fs'
import { SyntaxKind } from 'typescript/unstable/ast'
import type { Node, SourceFile } from 'typescript/unstable/ast'

/** What the laws look at: every file of the repository as text, every TypeScript file as a tree. */
export type Project = {
  /** Path from the root → text. Files git ignores are not here; new ones not yet added are. */
  readonly files: ReadonlyMap<string, string>
  /** Committed or staged paths. */
  readonly tracked: readonly string[]
  readonly modules: readonly Module[]
}

export type Module = {
  readonly path: string
  readonly text: string
  readonly tree: SourceFile
  readonly imports: readonly Import[]
}

export type Import = {
  readonly specifier: string
  readonly line: number
  /** Erased before it runs. */
  readonly typeOnly: boolean
  /** The path it means, if it is one of ours. */
  readonly target: string | undefined
}

/** A law broken: where, and what to do about it. */
export type Breach = { readonly path: string; readonly line: number; readonly says: string }

export type Law = { readonly name: string; readonly check: (project: Project) => readonly Breach[] }

const ROOT = new URL('../..', import.meta.url).pathname
const NOT_OURS = ['node_modules', '.git', '.tmp', 'native/build', 'bench/results']
const TEXT = /\.(ts|mjs|c|cc|cpp|h|hpp|json|md|lua|yaml|yml|txt|sh)$|(^|\/)(LICENSE|run|weir|\.gitignore)$/

/** The repository this file lives in. */
export function loadProject(): Project {
  const paths = git('ls-files', '--cached', '--others', '--exclude-standard') ?? walk()
  const files = new Map<string, string>()
  for (const path of paths.sort()) {
    const full = join(ROOT, path)
    if (TEXT.test(path) && existsSync(full) && statSync(full).isFile())
      files.set(path, readFileSync(full, 'utf8'))
  }
  const tracked = git('ls-files', '--cached') ?? [...files.keys()]
  return projectOf(
    files,
    tracked.filter((path) => existsSync(join(ROOT, path))),
  )
}

/** A project out of thin air, to prove that a law sees what breaks it. */
export function projectOf(texts: ReadonlyMap<string, string>, tracked?: readonly string[]): Project {
  return { files: texts, tracked: tracked ?? [...texts.keys()], modules: parse(texts) }
}

function git(...args: string[]): string[] | undefined {
  if (!existsSync(join(ROOT, '.git'))) return undefined
  try {
    const out = execFileSync('git', [...args, '-z'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return [...new Set(out.split('\0'))].filter((path) => path !== '')
  } catch {
    return undefined // an unpacked archive, or no git here
  }
}

function walk(): string[] {
  const exclude = (path: string): boolean => NOT_OURS.includes(path)
  return globSync('{*,.*}{,/**}', { cwd: ROOT, exclude }).filter((path) =>
    statSync(join(ROOT, path)).isFile(),
  )
}

/** The compiler reads our map, not the disk, and resolves nothing: it only has to make trees. */
function parse(texts: ReadonlyMap<string, string>): Module[] {
  const paths = [...texts.keys()].filter((path) => path.endsWith('.ts'))
  if (paths.length === 0) return []
  const disk: Record<string, string> = {
    '/tsconfig.json': JSON.stringify({
      compilerOptions: { noLib: true, noResolve: true, types: [] },
      files: paths,
    }),
  }
  for (const path of paths) disk[`/${path}`] = texts.get(path) ?? ''
  const api = new API({ cwd: '/', fs: createVirtualFileSystem(disk) })
  try {
    const program = api.updateSnapshot({ openProjects: ['/tsconfig.json'] }).getProjects()[0]?.program
    return paths.map((path) => {
      const tree = program?.getSourceFile(`/${path}`)
      if (tree === undefined) throw new Error(`the compiler did not parse ${path}`)
      return { path, text: tree.text, tree, imports: importsOf(path, tree) }
    })
  } finally {
    api.close()
  }
}

/** Visit a node and everything below it; `false` out of `enter` leaves the children out. */
export function visit(node: Node, enter: (node: Node) => boolean | void): void {
  if (enter(node) === false) return
  node.forEachChild((child) => {
    visit(child, enter)
  })
}

export function lineOf(tree: SourceFile, node: Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

export function breachAt(module: Module, node: Node, says: string): Breach {
  return { path: module.path, line: lineOf(module.tree, node), says }
}

type MaybeImport = {
  readonly moduleSpecifier?: Node
  readonly importClause?: { readonly phaseModifier?: SyntaxKind }
  readonly isTypeOnly?: boolean
  readonly argument?: { readonly literal?: Node }
  readonly expression?: Node
  readonly arguments?: readonly Node[]
}

function importsOf(path: string, tree: SourceFile): Import[] {
  const found: Import[] = []
  visit(tree, (node) => {
    const parts = node as unknown as MaybeImport
    const add = (named: Node | undefined, typeOnly: boolean): void => {
      if (named === undefined || named.kind !== SyntaxKind.StringLiteral) return
      const specifier = (named as unknown as { text: string }).text
      found.push({ specifier, line: lineOf(tree, node), typeOnly, target: resolve(path, specifier) })
    }
    if (node.kind === SyntaxKind.ImportDeclaration) {
      add(parts.moduleSpecifier, parts.importClause?.phaseModifier === SyntaxKind.TypeKeyword)
    } else if (node.kind === SyntaxKind.ExportDeclaration) {
      add(parts.moduleSpecifier, parts.isTypeOnly === true)
    } else if (node.kind === SyntaxKind.ImportType) {
      add(parts.argument?.literal, true)
    } else if (
      node.kind === SyntaxKind.CallExpression &&
      parts.expression?.kind === SyntaxKind.ImportKeyword
    ) {
      add(parts.arguments?.[0], false)
    }
  })
  return found
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier)
  if (specifier.startsWith('#base/')) return `src/base/${specifier.slice('#base/'.length)}`
  return undefined
}
