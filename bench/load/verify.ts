import { BenchError, messageOf } from './errors.ts'
import { ask } from './http.ts'
import type { Answer } from './http.ts'
import type { Running } from './contenders.ts'

/**
 * Before a contender is measured: every kind of request the load will make is made once and its answer compared, byte
 * by byte, with what the backend itself says; and the backend is asked which head it got, so that all proxies are known
 * to do the same work on it.
 */

const KIB = 1024
export const bodySizes: Readonly<Record<string, number>> = { '64k': 64 * KIB, '10m': 10 * KIB * KIB }

const forged = { 'x-forwarded-for': '192.0.2.1', 'x-request-id': 'forged', 'x-forwarded-proto': 'gopher' }

const require = (contender: Running, holds: boolean, what: string): void => {
  if (!holds) throw new BenchError(`${contender.name}: ${what}`)
}

const verifyDownload = async (contender: Running, backendPort: number, path: string): Promise<void> => {
  const [direct, proxied] = [
    await ask({ port: backendPort, path }),
    await ask({ port: contender.port, path }),
  ]
  require(contender, proxied.status === 200, `GET ${path} gave status ${proxied.status}`)
  require(contender, proxied.body.equals(
    direct.body,
  ), `GET ${path} gave ${proxied.body.length} bytes that are not the backend's ${direct.body.length}`)
}

const verifyUpload = async (contender: Running, size: number): Promise<void> => {
  const answer = await ask({
    port: contender.port,
    path: '/upload',
    method: 'PUT',
    body: Buffer.alloc(size, 120),
  })
  const arrived = answer.body.toString()
  require(contender, answer.status === 200 &&
    arrived ===
      String(
        size,
      ), `PUT of ${size} bytes gave status ${answer.status}, the backend counted ${arrived || 'nothing'}`)
}

const fieldsOf = (head: string): Map<string, string> =>
  new Map(
    head
      .split('\r\n')
      .slice(1)
      .filter((line) => line.includes(':'))
      .map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
  )

const verifyHeaderWork = (contender: Running, answer: Answer): void => {
  const fields = fieldsOf(answer.body.toString())
  const says = (name: string): string => fields.get(name) ?? ''
  const host = says('x-forwarded-host')
  require(contender, says('x-forwarded-for') ===
    '127.0.0.1', `x-forwarded-for is “${says('x-forwarded-for')}”`)
  require(contender, says('x-forwarded-proto') ===
    'http', `x-forwarded-proto is “${says('x-forwarded-proto')}”`)
  require(contender, host === `127.0.0.1:${contender.port}`, `x-forwarded-host is “${host}”`)
  require(contender, says('via') !== '', 'no via toward the backend')
  const id = says('x-request-id')
  require(contender, id.length >= 8 &&
    id !== forged['x-request-id'], `x-request-id is “${id}” toward the backend`)
  const answered = answer.headers['x-request-id']
  require(contender, answered === id, `x-request-id toward the client is “${String(answered)}”, not “${id}”`)
}

export const verify = async (contender: Running, backendPort: number): Promise<void> => {
  try {
    for (const path of ['/small', '/64k', '/10m']) await verifyDownload(contender, backendPort, path)
    for (const size of Object.values(bodySizes)) await verifyUpload(contender, size)
    if (contender.name !== 'floor')
      verifyHeaderWork(contender, await ask({ port: contender.port, path: '/head', headers: forged }))
  } catch (error) {
    const complaint = contender.child.complaint
    throw new BenchError(
      `${messageOf(error)}${complaint === '' ? '' : `\n${contender.name} says: ${complaint}`}`,
    )
  }
}
