import type { Host } from './host.ts'
import { FdChannel } from './fd-channel.ts'

/** The process that started us, as a data plane has it. */
export type MasterLink = {
  readonly fds: FdChannel
  /** Resolves when it was sent; to a master that is gone: nothing. */
  readonly send: (message: object) => Promise<void>
}

export type MasterEvents = {
  readonly onMessage: (message: unknown) => void
  /** It is gone, or has let go of us. */
  readonly onGone: () => void
}

/** `fd`: our end of the channel for descriptors. Throws where nobody started us so. */
export function openMasterLink(host: Host, fd: number, events: MasterEvents): MasterLink {
  if (process.send === undefined || !(fd > 2)) throw new Error('a data plane is started by its master')
  host.keepOnExec(fd, false)
  const fds = new FdChannel(host, fd)
  process.on('message', events.onMessage)
  process.once('disconnect', events.onGone)
  const send = (message: object): Promise<void> =>
    new Promise((resolve) => {
      if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
      else resolve()
    })
  return { fds, send }
}
