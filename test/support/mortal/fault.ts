import { BroadcastChannel } from 'node:worker_threads'

/** Who is to die, and how. */
export type Fault = { readonly actor: string; readonly kind: string }

/** This thread is `actor` and dies when told to. */
export function mortal(actor: string): void {
  const channel = new BroadcastChannel('weir-fault')
  channel.unref()
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the worker_threads channel has the property only
  channel.onmessage = (message: unknown): void => {
    const { data } = message as { readonly data: Fault }
    if (data.actor !== actor) return
    if (data.kind === 'exit') process.exit(3)
    setImmediate(() => {
      throw new Error('a fault was asked for')
    })
  }
}
