/**
 * Text → plain values, and from a path back to its line and column. The only file that knows YAML.
 *
 * YAML is more than a configuration needs, and its extras are dangers: they are bounded or refused here. Text: 1 MiB.
 * Nesting: 32, looked at before the composer recurses. Aliases: a value they repeat counts again with all it holds, up to
 * half a million values in all ("billion laughs"). Tags, several documents, duplicate keys, keys that are no scalars,
 * YAML 1.1 (where `no` is a boolean and 0777 octal): refused.
 */
import { Composer, isAlias, isMap, isScalar, isSeq, Parser } from 'yaml'
import type { Alias, CST, Document, Node, Pair, YAMLMap, YAMLParseError } from 'yaml'
import type { Diagnostic } from './diagnostic.ts'
import { Lines } from './lines.ts'
import type { Position } from './lines.ts'
import type { Part, Path, Plain } from './plain.ts'
import { showText } from './plain.ts'

const MAX_TEXT = 1 << 20
const MAX_DEPTH = 32
const MAX_VALUES = 500_000
const MAX_SYNTAX_ERRORS = 100

export type Source = {
  /** Undefined when the text is no single well-formed YAML document or an empty one; `diagnostics` say why. */
  readonly root: Plain | undefined
  readonly diagnostics: readonly Diagnostic[]
  /** Where the value at `path` (or the key before it) stands; if there is none, the nearest thing above it. */
  locate(path: Path, part: Part): Position
}

type Composed = Document.Parsed
type Complain = (offset: number, message: string) => void

export function openSource(text: string, file: string): Source {
  const lines = new Lines(text)
  const diagnostics: Diagnostic[] = []
  const complain: Complain = (offset, message) => {
    if (diagnostics.length >= MAX_SYNTAX_ERRORS) return
    const at = lines.position(offset)
    const last = diagnostics.at(-1)
    if (last?.message === message && last.line === at.line && last.column === at.column) return
    diagnostics.push({ file, ...at, severity: 'error', message })
  }
  const document = compose(text, complain)
  if (document === undefined) return { root: undefined, diagnostics, locate: () => lines.position(0) }
  const root = new Converter(complain).document(document)
  return { root, diagnostics, locate: (path, part) => lines.position(offsetOf(document, path, part)) }
}

function compose(text: string, complain: Complain): Composed | undefined {
  if (text.length > MAX_TEXT) {
    complain(0, 'the file is larger than 1 MiB')
    return undefined
  }
  const tokens = [...new Parser().parse(text)]
  const deep = tokens.map(tooDeep).find((offset) => offset !== undefined)
  if (deep !== undefined) {
    complain(deep, `nested deeper than ${MAX_DEPTH} levels`)
    return undefined
  }
  // Unique keys are checked by the converter: the composer's own check is quadratic.
  const composer = new Composer({ version: '1.2', uniqueKeys: false, keepSourceTokens: false })
  const documents = [...composer.compose(tokens, true, text.length)]
  const [document, second] = documents
  if (document === undefined) return undefined
  for (const error of document.errors) complain(error.pos[0], syntaxMessage(error, text))
  if (second !== undefined) complain(second.range[0], 'a second YAML document; a configuration is one')
  const { explicit, version } = document.directives.yaml
  if (explicit === true && version !== '1.2') complain(0, `YAML ${version} is not supported, only 1.2`)
  return document.errors.length > 0 || second !== undefined ? undefined : document
}

function syntaxMessage(error: YAMLParseError, text: string): string {
  const unquoted = error.code === 'UNEXPECTED_TOKEN' && text.startsWith(']:', error.pos[0] - 1)
  const hint = unquoted ? '; an IPv6 address needs quotes: "[::1]:8080"' : ''
  return `YAML: ${error.message.split('\n')[0]}${hint}`
}

/** Offset of the first collection nested too deep. Iterative, since the depth of the text is not yet known to be sane. */
function tooDeep(token: CST.Token): number | undefined {
  const pending: [CST.Token, number][] = [[token, 0]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [at, depth] = next
    if (depth > MAX_DEPTH) return at.offset
    if (at.type === 'document') {
      if (at.value !== undefined) pending.push([at.value, depth])
    } else if ('items' in at) {
      for (const item of at.items) {
        if ('key' in item && item.key) pending.push([item.key, depth + 1])
        if (item.value) pending.push([item.value, depth + 1])
      }
    }
  }
  return undefined
}

/** `undefined` while it is being converted: an alias that meets it then is a cycle. */
type Anchored = { readonly plain: Plain; readonly values: number } | undefined

class Converter {
  private readonly anchors = new Map<string, Anchored>()
  private readonly complain: Complain
  private values = 0

  constructor(complain: Complain) {
    this.complain = complain
  }

  document(document: Composed): Plain | undefined {
    const { contents } = document
    if (contents === null || (isScalar(contents) && contents.value === null)) {
      this.complain(0, 'the file is empty; a configuration names at least one listener')
      return undefined
    }
    return this.node(contents)
  }

  private node(node: Node | null | undefined): Plain {
    if (node === null || node === undefined) return null
    this.values++
    if (this.values === MAX_VALUES + 1) this.complain(offsetOfNode(node), `more than ${MAX_VALUES} values`)
    if (this.values > MAX_VALUES) return null
    if (node.tag !== undefined)
      this.complain(offsetOfNode(node), `YAML tags are not supported: ${showText(node.tag)}`)
    if (isAlias(node)) return this.alias(node)
    const anchor = 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : undefined
    if (anchor !== undefined) this.anchors.set(anchor, undefined)
    const before = this.values
    const plain = this.content(node)
    if (anchor !== undefined) this.anchors.set(anchor, { plain, values: this.values - before + 1 })
    return plain
  }

  private content(node: Node): Plain {
    if (isMap(node)) return this.mapping(node)
    if (isSeq(node)) return node.items.map((item) => this.node(item as Node | null))
    if (!isScalar(node)) return null
    const { value } = node
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
    return null
  }

  private mapping(node: YAMLMap): Plain {
    const map = new Map<string, Plain>()
    for (const pair of node.items as readonly Pair<Node | null, Node | null>[]) {
      const key = keyText(pair.key)
      const offset = offsetOfNode(pair.key ?? node)
      if (key === undefined) this.complain(offset, 'a key must be a plain word')
      else if (map.has(key)) this.complain(offset, `duplicate key ${showText(key)}`)
      else map.set(key, this.node(pair.value))
    }
    return map
  }

  private alias(node: Alias): Plain {
    const anchored = this.anchors.get(node.source)
    if (anchored === undefined) {
      const why = this.anchors.has(node.source)
        ? 'is inside of what it repeats'
        : 'repeats nothing: no such anchor'
      this.complain(offsetOfNode(node), `the alias *${node.source} ${why}`)
      return null
    }
    const within = this.values <= MAX_VALUES
    this.values += anchored.values
    if (within && this.values > MAX_VALUES) {
      this.complain(offsetOfNode(node), `aliases repeat too much: more than ${MAX_VALUES} values in all`)
    }
    return this.values > MAX_VALUES ? null : anchored.plain
  }
}

/** Keys are taken as written, so that `8080:` and `on:` are names too. */
function keyText(key: Node | null): string | undefined {
  if (!isScalar(key) || key.value === null || key.tag !== undefined) return undefined
  return typeof key.value === 'string' ? key.value : key.source
}

function offsetOfNode(node: Node): number {
  return node.range?.[0] ?? 0
}

function offsetOf(document: Composed, path: Path, part: Part): number {
  let node: Node | null = document.contents
  let offset = node === null ? 0 : offsetOfNode(node)
  for (const [at, step] of path.entries()) {
    const into: Node | undefined =
      node !== null && isAlias(node) ? node.resolve(document) : (node ?? undefined)
    const { key, value } = stepInto(into, step)
    if (key === undefined && value === undefined) break
    const wantsKey = key !== undefined && part === 'key' && at === path.length - 1
    const shown = wantsKey || value === undefined || isNothing(value) ? (key ?? value) : value
    if (shown?.range) offset = offsetOfNode(shown)
    node = value ?? null
  }
  return offset
}

type Step = { readonly key?: Node | undefined; readonly value?: Node | undefined }

function stepInto(node: Node | undefined, step: string | number): Step {
  if (isMap(node)) {
    const pairs = node.items as Pair<Node | null, Node | null>[]
    const pair = pairs.find(({ key }) => keyText(key) === step)
    return { key: pair?.key ?? undefined, value: pair?.value ?? undefined }
  }
  return isSeq(node) && typeof step === 'number' ? { value: node.items[step] as Node | undefined } : {}
}

/** A value left empty (`routes:`) stands nowhere. */
function isNothing(node: Node): boolean {
  return !node.range || node.range[0] === node.range[1]
}
