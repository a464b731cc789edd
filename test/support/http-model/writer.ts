import { Chance } from '../sim/chance.ts'

/** A head out of its lines. */
export const headBytes = (startLine: string, fields: readonly (readonly [string, string])[]): Uint8Array =>
  Buffer.from(
    `${startLine}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    'latin1',
  )

export type ChunkStyle = {
  /** Decides the sizes, and what extensions look like. */
  readonly seed: number
  readonly extensions: boolean
  readonly trailers: readonly (readonly [string, string])[]
}

const EXTENSIONS = ['', '', ';a', ';a=b', ';name="quo\\"ted; text"', ';x=1;y']

/** A body in the chunked coding, in chunks of chance's sizes. */
export const chunkedBytes = (body: Uint8Array, style: ChunkStyle): Uint8Array => {
  const chance = new Chance(style.seed)
  const parts: Uint8Array[] = []
  const extension = (): string =>
    style.extensions ? (EXTENSIONS[chance.below(EXTENSIONS.length)] ?? '') : ''
  for (let at = 0; at < body.length;) {
    const least = Math.ceil(body.length / 200)
    const chunk = body.subarray(at, at + Math.max(least, chance.size([1, 20_000])))
    const size = chunk.length.toString(16)
    parts.push(Buffer.from(`${chance.happens(0.3) ? size.toUpperCase() : size}${extension()}\r\n`))
    parts.push(chunk, Buffer.from('\r\n'))
    at += chunk.length
  }
  const trailers = style.trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  parts.push(Buffer.from(`0${extension()}\r\n${trailers}\r\n`))
  return Buffer.concat(parts)
}
