import type { Heritage } from './heritage.ts'
import type { Sockets } from './sockets.ts'

/** What became another one. */
export type KeepsakeChange = 'configuration' | 'wishes'

/** How this process of the program follows another one, and who keeps what the next one needs. */
export type Lineage = {
  /** What the one before left; undefined: there was none. */
  readonly heritage: Heritage | undefined
  readonly sockets: Sockets
  /** Absent: accept as soon as everything is up. Else everything being up is said by the call, and nobody accepts before it is answered, with the last word of the one before. */
  readonly admission?: () => Promise<Heritage | undefined>
  /** What the next process must know even if this one ends without a word has changed. */
  readonly onKeepsake: (change: KeepsakeChange) => void
}
