/** What is wrong with a configuration, and where. */
export type Severity = 'error' | 'warning'

export type Diagnostic = {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units as editors count them. */
  readonly column: number
  readonly severity: Severity
  readonly message: string
}

/** `file:line:column: message`; a warning says so. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, message } = diagnostic
  return `${file}:${line}:${column}: ${severity === 'warning' ? 'warning: ' : ''}${message}`
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error')
}

/** In the order of the file; of two at one place, the error first. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return diagnostics.toSorted(
    (a, b) =>
      a.line - b.line ||
      a.column - b.column ||
      (a.severity < b.severity ? -1 : Number(a.severity > b.severity)),
  )
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file; name another with -c, or try `weir demo`, which needs none',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a directory, not a file',
}

/** The diagnostic for a file that could not be read; `code` is the error's (`ENOENT`, …). */
export function readFailure(file: string, code: string): Diagnostic {
  const message = READ_FAILURES[code] ?? `cannot be read (${code})`
  return { file, line: 1, column: 1, severity: 'error', message }
}
