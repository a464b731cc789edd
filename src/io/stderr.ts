import { writeSync } from 'node:fs'

/**
 * One line for people on stderr, at once and in order with everything else we say. A reader that has gone or is not reading must not
 * take the program down: what cannot be written is lost.
 */
export function say(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // EPIPE, EAGAIN, ENOSPC: there is nobody left to tell
  }
}
