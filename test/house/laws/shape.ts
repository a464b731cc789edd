import { SyntaxKind } from 'typescript/unstable/ast'
import type { Node, NodeArray } from 'typescript/unstable/ast'
import { breachAt, lineOf, visit } from '../project.ts'
import type { Breach, Law, Module } from '../project.ts'

const FILE_LINES = 300
const FUNCTION_LINES = 70
const PARAMETERS = 4

export const fileLengthLaw: Law = {
  name: `a file is one idea: ${FILE_LINES} lines at most`,
  check: ({ files }) =>
    [...files]
      .filter(([path]) => /\.(ts|mjs|c|cc|cpp|h|hpp)$/.test(path))
      .map(([path, text]) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > FILE_LINES)
      .map(({ path, lines }) => ({
        path,
        line: FILE_LINES,
        says: `has ${lines} lines, ${FILE_LINES} are allowed: split it by idea`,
      })),
}

type FunctionLike = Node & {
  readonly body?: Node
  readonly name?: Node
  readonly parameters: NodeArray<Node & { readonly name: Node }>
}

const FUNCTIONS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
])

function functionsOf(module: Module): FunctionLike[] {
  const found: FunctionLike[] = []
  visit(module.tree, (node) => {
    if (FUNCTIONS.has(node.kind)) found.push(node as FunctionLike)
  })
  return found
}

export const functionLengthLaw: Law = {
  name: `a function fits on a screen: ${FUNCTION_LINES} lines at most`,
  check: ({ modules, files }) => [
    ...modules.flatMap(longFunctions),
    ...[...files].flatMap(([path, text]) =>
      /\.(c|cc|cpp|h|hpp)$/.test(path) ? longNativeFunctions(path, text) : [],
    ),
  ],
}

function tooLong(name: string, lines: number): string {
  return `${name} has ${lines} lines, ${FUNCTION_LINES} are allowed: name its parts and pull them out`
}

function longFunctions(module: Module): Breach[] {
  const isSuite = /^(test|properties)\//.test(module.path)
  return functionsOf(module).flatMap((node) => {
    const lines = isSuite ? ownLines(module, node) : linesOf(module, node)
    if (lines <= FUNCTION_LINES || isGroup(node)) return []
    return [breachAt(module, node, tooLong(nameOf(module, node), lines))]
  })
}

function linesOf({ tree }: Module, node: Node): number {
  return tree.getLineAndCharacterOfPosition(node.end).line - lineOf(tree, node) + 2
}

/** A test function that lists cases is as long as what it does beside them: each case is measured by itself. */
function ownLines(module: Module, node: FunctionLike): number {
  let lines = linesOf(module, node)
  node.body?.forEachChild((child) => {
    visit(child, (inner) => {
      if (!FUNCTIONS.has(inner.kind)) return true
      lines -= linesOf(module, inner) - 1
      return false
    })
  })
  return lines
}

/** Formatted C and C++: a function is what begins with a line of its own at the margin, ends in `{`, and ends with `}` at the margin. */
function longNativeFunctions(path: string, text: string): Breach[] {
  const breaches: Breach[] = []
  let start = -1
  for (const [index, line] of text.split('\n').entries()) {
    if (
      /^[A-Za-z{].*\{$|^\{$/.test(line) &&
      !/^(namespace|struct|class|enum|union|extern|typedef)\b|=\s*\{$/.test(line)
    )
      start = index
    if (!line.startsWith('}') || start === -1) continue
    const lines = index - start + 1
    if (lines > FUNCTION_LINES) breaches.push({ path, line: start + 1, says: tooLong('a function', lines) })
    start = -1
  }
  return breaches
}

/** `describe('…', () => { … })` is a heading, not a function. */
function isGroup(node: Node): boolean {
  const call = node.parent as Node & { readonly expression?: Node }
  return (
    call.kind === SyntaxKind.CallExpression && /^(describe|suite)$/.test(call.expression?.getText() ?? '')
  )
}

export const parameterLaw: Law = {
  name: `at most ${PARAMETERS} parameters`,
  check: ({ modules }) =>
    modules.flatMap((module) =>
      functionsOf(module).flatMap((node) => {
        const count = node.parameters.filter(
          (parameter) => parameter.name.getText(module.tree) !== 'this',
        ).length
        if (count <= PARAMETERS) return []
        return [
          breachAt(
            module,
            node,
            `${nameOf(module, node)} takes ${count} parameters, ${PARAMETERS} are allowed: is there a type hiding in them?`,
          ),
        ]
      }),
    ),
}

function nameOf(module: Module, node: FunctionLike): string {
  if (node.kind === SyntaxKind.Constructor) return 'constructor'
  const named = node.name ?? (node.parent as Node & { readonly name?: Node }).name
  return named === undefined ? 'a function' : named.getText(module.tree)
}

export const anyLaw: Law = {
  name: 'no any',
  check: ({ modules }) =>
    modules.flatMap((module) => each(module, SyntaxKind.AnyKeyword, 'says any: say unknown and narrow it')),
}

export const defaultExportLaw: Law = {
  name: 'no default exports',
  check: ({ modules }) =>
    modules.flatMap((module) => [
      ...each(
        module,
        SyntaxKind.DefaultKeyword,
        'exports a default: export it by its name',
        SyntaxKind.DefaultClause,
      ),
      ...each(module, SyntaxKind.ExportAssignment, 'exports a default: export it by its name'),
    ]),
}

function each(module: Module, kind: SyntaxKind, says: string, notUnder?: SyntaxKind): Breach[] {
  const breaches: Breach[] = []
  visit(module.tree, (node) => {
    if (node.kind === kind && node.parent.kind !== notUnder) breaches.push(breachAt(module, node, says))
  })
  return breaches
}

export const barrelLaw: Law = {
  name: 'no barrels',
  check: ({ modules }) =>
    modules.flatMap(({ path, tree }) => {
      const passesOn = (node: Node & { readonly moduleSpecifier?: Node }): boolean =>
        node.kind === SyntaxKind.ImportDeclaration || node.kind === SyntaxKind.ExportDeclaration
      const reexports = tree.statements.some((node) => node.kind === SyntaxKind.ExportDeclaration)
      if (!reexports || !tree.statements.every(passesOn)) return []
      return [
        {
          path,
          line: 1,
          says: 'only passes on what others export: import from where it is written and delete this',
        },
      ]
    }),
}
