import { SyntaxKind, isTypeNode } from 'typescript/unstable/ast'
import type { Node } from 'typescript/unstable/ast'
import { breachAt, visit } from '../project.ts'
import type { Breach, Law, Module } from '../project.ts'
import { PURE, WORLDLY, folderOf } from './layers.ts'

/** What makes a run differ from its replay: nobody but the worldly folders may touch it. */
const UNREPEATABLE: Readonly<Record<string, string>> = {
  Date: 'take the clock as an argument',
  performance: 'take the clock as an argument',
  crypto: 'take the generator as an argument',
  process: 'take what you need of it as an argument',
  console: 'report through telemetry or return it',
  setTimeout: 'use the timing wheel or take Timers as an argument',
  setInterval: 'use the timing wheel or take Timers as an argument',
  setImmediate: 'use the timing wheel or take Timers as an argument',
  queueMicrotask: 'call it',
  fetch: 'this belongs into src/io',
  WebSocket: 'this belongs into src/io',
  Worker: 'this belongs into src/control',
  globalThis: 'name what you need and take it as an argument',
  eval: 'no code out of strings',
}

/** What pure code has no use for either: its answers are there when it returns. */
const ASYNCHRONOUS = 'is pure code: “not yet” is a value, not a promise'

export const determinismLaw: Law = {
  name: 'clock, randomness, timers and the runtime are arguments outside of src/io and src/control',
  check: ({ modules }) => modules.filter((module) => isSilent(module.path)).flatMap(unrepeatable),
}

export const purityLaw: Law = {
  name: 'base…filter and lab know no promise',
  check: ({ modules }) =>
    modules.filter((module) => PURE.has(folderOf(module.path) ?? '')).flatMap(asynchronous),
}

function isSilent(path: string): boolean {
  const folder = folderOf(path)
  return folder !== undefined && !WORLDLY.has(folder)
}

function unrepeatable(module: Module): Breach[] {
  const own = declaredNames(module)
  const breaches: Breach[] = []
  visit(module.tree, (node) => {
    if (isTypeNode(node)) return false
    const name = textOf(node)
    if (node.kind === SyntaxKind.PropertyAccessExpression && node.getText(module.tree) === 'Math.random') {
      breaches.push(breachAt(module, node, 'uses Math.random: take the generator as an argument'))
    }
    if (name === undefined || !Object.hasOwn(UNREPEATABLE, name) || own.has(name) || !isReference(node))
      return true
    breaches.push(breachAt(module, node, `uses ${name}: ${UNREPEATABLE[name]}`))
    return true
  })
  return breaches
}

function asynchronous(module: Module): Breach[] {
  const own = declaredNames(module)
  const breaches: Breach[] = []
  visit(module.tree, (node) => {
    if (isTypeNode(node)) return false
    const what =
      node.kind === SyntaxKind.AsyncKeyword
        ? 'async'
        : node.kind === SyntaxKind.AwaitExpression || node.kind === SyntaxKind.AwaitKeyword
          ? 'await'
          : textOf(node) === 'Promise' && !own.has('Promise') && isReference(node)
            ? 'Promise'
            : undefined
    if (what !== undefined) breaches.push(breachAt(module, node, `uses ${what}: this ${ASYNCHRONOUS}`))
    return true
  })
  return breaches
}

function textOf(node: Node): string | undefined {
  return node.kind === SyntaxKind.Identifier ? (node as unknown as { text: string }).text : undefined
}

type Named = { readonly name?: Node; readonly initializer?: Node }

/** A use of the name as a value, not a property, label or key that happens to be called so. */
function isReference(node: Node): boolean {
  const { parent } = node
  const named = parent as unknown as Named
  switch (parent.kind) {
    case SyntaxKind.PropertyAccessExpression:
    case SyntaxKind.PropertyAssignment:
    case SyntaxKind.MethodDeclaration:
    case SyntaxKind.PropertyDeclaration:
    case SyntaxKind.PropertySignature:
    case SyntaxKind.MethodSignature:
    case SyntaxKind.GetAccessor:
    case SyntaxKind.SetAccessor:
    case SyntaxKind.EnumMember:
      return named.name !== node
    case SyntaxKind.ImportSpecifier:
    case SyntaxKind.ExportSpecifier:
      return false
    default:
      return true
  }
}

/** Names the module declares itself, wherever: those are not the globals. */
function declaredNames(module: Module): Set<string> {
  const names = new Set<string>()
  visit(module.tree, (node) => {
    const declares =
      node.kind === SyntaxKind.VariableDeclaration ||
      node.kind === SyntaxKind.Parameter ||
      node.kind === SyntaxKind.BindingElement ||
      node.kind === SyntaxKind.FunctionDeclaration ||
      node.kind === SyntaxKind.ClassDeclaration ||
      node.kind === SyntaxKind.ImportSpecifier
    const name = declares ? (node as unknown as Named).name : undefined
    const text = name === undefined ? undefined : textOf(name)
    if (text !== undefined) names.add(text)
  })
  return names
}
