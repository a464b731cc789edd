/**
 * Text → configuration, or all that is wrong with it.
 *
 *     text ─ source.ts ─► plain values ─ schema/read.ts ─► draft ─ check.ts ─► Config ─ compile.ts ─► Snapshot
 *             (YAML)                     (schema/root.ts)     (across keys)             (slots.ts, names resolved)
 *
 * Every stage reports at a path, and the source turns paths into lines and columns. No stage reads a file, a clock or
 * the network; `printConfig` goes the way back.
 */
import { stringify } from 'yaml'
import { check } from './check.ts'
import type { Diagnostic, Severity } from './diagnostic.ts'
import { hasErrors, sortDiagnostics } from './diagnostic.ts'
import type { Position } from './lines.ts'
import type { Part, Path } from './plain.ts'
import { isMapping, isWritten, showPath, showPlain } from './plain.ts'
import { print } from './schema/print.ts'
import { read } from './schema/read.ts'
import type { Config } from './schema/root.ts'
import { ROOT } from './schema/root.ts'
import type { Draft } from './schema/types.ts'
import { openSource } from './source.ts'

/** Of each severity, so that warnings never hide an error. */
const MAX_DIAGNOSTICS = 1000

export type ParseResult = {
  /** Absent exactly when a diagnostic is an error. */
  readonly config?: Config
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[]
  /** Where the value at a path was written, for what is found out later. */
  readonly locate: (path: Path) => Position
}

/** Never throws. `fileName` is only named in diagnostics. */
export function parseConfig(text: string, fileName: string): ParseResult {
  const source = openSource(text, fileName)
  const diagnostics: Diagnostic[] = [...source.diagnostics]
  const counts = { error: diagnostics.length, warning: 0 }
  const add = (severity: Severity, path: Path, message: string, part: Part): void => {
    if (counts[severity]++ >= MAX_DIAGNOSTICS) return
    const what = path.length === 0 ? message : `${showPath(path)}: ${message}`
    diagnostics.push({ file: fileName, ...source.locate(path, part), severity, message: what })
  }
  const error = (path: Path, message: string, part: Part = 'value'): void => add('error', path, message, part)
  const { root } = source
  const locate = (path: Path): Position => source.locate(path, 'value')
  if (root === undefined) return { diagnostics: sortDiagnostics(diagnostics), locate }
  if (!isMapping(root)) {
    error([], `a configuration is a mapping of keys to values; got ${showPlain(root)}`)
    return { diagnostics: sortDiagnostics(diagnostics), locate }
  }
  const draft = read(ROOT, root, [], error) as Draft<Config>
  check(draft, {
    error,
    warning: (path, message, part = 'value') => add('warning', path, message, part),
    where: (path) => {
      const { line, column } = source.locate(path, 'value')
      return `${line}:${column}`
    },
    written: (path) => isWritten(root, path),
    count: () => counts.error,
  })
  const sorted = sortDiagnostics(diagnostics)
  return hasErrors(sorted)
    ? { diagnostics: sorted, locate }
    : { config: draft as Config, diagnostics: sorted, locate }
}

/** YAML that `parseConfig` reads back as the same configuration, every default spelt out. */
export function printConfig(config: Config): string {
  return stringify(print(ROOT, config))
}
