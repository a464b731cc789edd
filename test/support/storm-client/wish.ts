/**
 * What a request of a storm asks for. It stands in the request's own target, so that the backend needs to know nothing, and the client works out
 * byte for byte what must come back: an answer that is cut, mixed up with another one or repeated cannot pass.
 */
export type Wish = {
  /** Unique in a storm, from 1 on. */
  readonly id: number
  readonly method: 'GET' | 'POST'
  /** Bytes of the response's body; of a POST's as well. */
  readonly size: number
  readonly chunked: boolean
  /** Before the head, and between the halves of the body. */
  readonly delayMs: number
  readonly pauseMs: number
}

export function targetOf({ id, size, chunked, delayMs, pauseMs }: Wish): string {
  return `/storm/${id}/${size}/${chunked ? 'chunked' : 'length'}/${delayMs}/${pauseMs}`
}

export function requestOf(wish: Wish): Buffer {
  const { method, size, id } = wish
  const head = `${method} ${targetOf(wish)} HTTP/1.1\r\nhost: storm.example\r\n`
  if (method === 'GET') return Buffer.from(`${head}\r\n`, 'latin1')
  return Buffer.concat([Buffer.from(`${head}content-length: ${size}\r\n\r\n`, 'latin1'), uploadOf(id, size)])
}

/** What a response's body is. */
export function bodyOf(id: number, size: number): Buffer {
  return Buffer.alloc(size, `[${id}]`, 'latin1')
}

/** What a POST's body is: nothing that a response could be taken for. */
export function uploadOf(id: number, size: number): Buffer {
  return Buffer.alloc(size, `{${id}}`, 'latin1')
}

/** Undefined: none of ours. */
export function wishOf(requestLine: string): Wish | undefined {
  const found = /^(GET|POST) \/storm\/(\d+)\/(\d+)\/(chunked|length)\/(\d+)\/(\d+) HTTP\/1\.1$/.exec(
    requestLine,
  )
  if (found === null) return undefined
  const [, method, id, size, framing, delayMs, pauseMs] = found
  return {
    id: Number(id),
    method: method as 'GET' | 'POST',
    size: Number(size),
    chunked: framing === 'chunked',
    delayMs: Number(delayMs),
    pauseMs: Number(pauseMs),
  }
}
