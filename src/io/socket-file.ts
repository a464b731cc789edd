import { lstatSync, unlinkSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'

/** The file of a listening unix socket, as it is now. */
export type SocketFile = {
  /** Unless somebody put another one in its place. */
  readonly remove: () => void
}

export function socketFile(path: string): SocketFile {
  const before = statOf(path)
  return {
    remove() {
      const now = statOf(path)
      if (now === undefined || now.ino !== before?.ino || now.dev !== before.dev) return
      try {
        unlinkSync(path)
      } catch {
        // its folder is not ours any more: a stale file is replaced by whoever listens there next
      }
    },
  }
}

function statOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}
