import type { Snapshot } from '../config/snapshot.ts'
import { isExposed } from '../config/values/address.ts'

/** What an operator should know though nothing is refused, one line each. */

export function unresolvedWarning(host: string, reason: string): string {
  return `weir: warning: ${host} does not resolve (${reason}): it has no endpoints until it does`
}

/** A name that was answered before; `kept` addresses are still in use. */
export function staleNameWarning(host: string, reason: string, kept: number): string {
  return `weir: warning: ${host} does not resolve any more (${reason}): its last ${kept} addresses stay`
}

/** Of a configuration that takes the place of `before`, or of the first one. */
export function snapshotWarnings(after: Snapshot, before?: Snapshot): readonly string[] {
  const lines: string[] = []
  const { bind } = after.admin
  if (bind !== undefined && bind !== before?.admin.bind && isExposed(bind)) {
    lines.push(
      `weir: warning: admin ${bind} can be reached from other machines, and it asks nobody who they are`,
    )
  }
  return lines
}
