import { connect } from 'node:net'
import type { DialTarget } from './probe-target.ts'

/** Connect, and nothing else. Rejects when it fails or `signal` aborts; leaves no socket. */
export async function dialOnce(target: DialTarget, signal: AbortSignal): Promise<void> {
  await talk(target, signal, { send: '', limit: 0 })
}

/** Connect, send a line if there is one, read up to the first line end, `limit` bytes or the end. */
export function readLine(
  target: DialTarget,
  signal: AbortSignal,
  { send, limit }: { readonly send: string; readonly limit: number },
): Promise<string> {
  return talk(target, signal, { send, limit })
}

/** `limit` 0: being connected is all that is wanted. */
function talk(
  target: DialTarget,
  signal: AbortSignal,
  { send, limit }: { readonly send: string; readonly limit: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortReason(signal))
    const socket = connect(target)
    let text = ''
    const settle = (deed: () => void): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      deed()
    }
    const onAbort = (): void => settle(() => reject(abortReason(signal)))
    signal.addEventListener('abort', onAbort)
    socket.on('error', (error) => settle(() => reject(error))) // also behind the end: a promise settles once
    socket.once('connect', () => {
      if (limit === 0) return settle(() => resolve(''))
      if (send !== '') socket.write(send)
    })
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (text.length >= limit || /[\r\n]/.test(text)) settle(() => resolve(text.slice(0, limit)))
    })
    socket.once('end', () => settle(() => resolve(text)))
  })
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted')
}
