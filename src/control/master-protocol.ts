import type { Totals } from '../telemetry/history.ts'
import type { Heritage } from './heritage.ts'
import type { Order, Role } from './master-news.ts'

/**
 * What master and data plane tell one another, as JSON over the channel between parent and child; descriptors go beside it (`io/fd-channel.ts`). A
 * master may be older than the data plane that it starts: it knows nothing of what it keeps and passes on.
 */
export const MASTER_PROTOCOL = 1

/** Environment variable that makes `weir run` a data plane: the descriptor of the socket for descriptors. */
export const DATA_PLANE_VARIABLE = 'WEIR_DATA_PLANE'

/** What the next process must know even if this one ends without a word. */
export type Keepsake = {
  readonly heritage: Heritage
  /** The configuration in force, as it was read. */
  readonly configText: string
}

export type ToDataPlane =
  /** First of all. */
  | {
      readonly kind: 'begin'
      readonly protocol: number
      readonly role: Role
      /** Number of the transfer with the listening sockets. */
      readonly sockets: number
      readonly heritage: Heritage | undefined
      /** Of a life that died. */
      readonly configText: string | undefined
    }
  | { readonly kind: 'order'; readonly order: Exclude<Order, 'admit'> }
  | { readonly kind: 'order'; readonly order: 'admit'; readonly heritage: Heritage | undefined }
  /** What a process before this one still counted while it drained. */
  | { readonly kind: 'grown'; readonly totals: Totals }
  | { readonly kind: 'ping' }

export type ToMaster =
  /** The listening sockets it has now, as that transfer. */
  | { readonly kind: 'sockets'; readonly transfer: number }
  | { readonly kind: 'prepared' }
  /** Said again whenever something of it changes. */
  | {
      readonly kind: 'ready'
      readonly graceMs: number
      /** For people, one line. */
      readonly status: string
    }
  | { readonly kind: 'bequest'; readonly heritage: Heritage }
  | { readonly kind: 'keepsake'; readonly keepsake: Keepsake }
  | { readonly kind: 'reloaded' }
  | { readonly kind: 'grown'; readonly totals: Totals }
  /** Main's loop turns, and whether a shard's does. */
  | { readonly kind: 'pong'; readonly beating: boolean }
