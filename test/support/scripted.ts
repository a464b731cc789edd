import { rawBackend } from './wire.ts'
import type { RawBackend, Scope, Wire } from './wire.ts'

/** What a backend does with the request that is coming in. It must read it, or wait for the end of the connection. */
export type Script = (wire: Wire) => unknown

export type ScriptedBackend = RawBackend & { play: (script: Script) => void }

/** A backend that follows the script of the test, one request at a time, also on connections that are used again. */
export async function scriptedBackend(
  scope: Scope,
  first: Script = answering('ok'),
): Promise<ScriptedBackend> {
  let script = first
  const backend = await rawBackend(scope, async (wire) => {
    for (;;) {
      await wire.until(({ bytes }) => bytes.length > 0, 'a request', Infinity)
      const before = wire.bytes.length
      await script(wire)
      // A script that takes nothing would be called for the same bytes for ever, without ever letting the event loop on.
      if (wire.ended !== undefined && wire.bytes.length === before) return
    }
  })
  return { ...backend, play: (next) => (script = next) }
}

/** Says nothing. */
export async function silence(wire: Wire): Promise<never> {
  await wire.ending()
  throw new Error('the script is over')
}

/** Answers each request with this body. */
export function answering(body: string): Script {
  return async (wire) => {
    await wire.request()
    wire.send(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  }
}
