import { BroadcastChannel } from 'node:worker_threads'
import { codeOf, messageOf } from '../../src/actor/errors.ts'
import type { Answer, Resolver } from '../../src/io/dns.ts'
import type { Scope } from './wire.ts'

/**
 * Names over threads: a test answers what discovery, in its own thread, asks (`doors/discovery.ts`).
 */
const CHANNEL = 'weir-test-zone'

type Question = { readonly question: number; readonly host: string }
type Reply = {
  readonly question: number
  readonly answer?: Answer
  readonly failure?: { readonly message: string; readonly code?: unknown }
}

/** Answers from a table that the test may change. */
export type Zone = Resolver & { readonly answers: Map<string, Answer> }

export function zone(entries: Readonly<Record<string, Answer>>): Zone {
  const answers = new Map(Object.entries(entries))
  return {
    answers,
    async resolve(host) {
      const answer = answers.get(host)
      if (answer === undefined) throw Object.assign(new Error(`no ${host}`), { code: 'ENOTFOUND' })
      return answer
    },
  }
}

/** One address, to be asked for again after a second. */
export const to = (address: string): Answer => ({ addresses: [address], ttlMs: 1000 })

/** In the test's thread: `resolver` answers. */
export function serveZone(t: Scope, resolver: Resolver): void {
  const channel = new BroadcastChannel(CHANNEL)
  t.after(() => channel.close())
  channel.addEventListener('message', (event) => {
    const { question, host } = (event as unknown as { data: Question }).data
    if (host === undefined) return // another's answer
    const reply = (rest: Omit<Reply, 'question'>): void => channel.postMessage({ question, ...rest })
    void resolver.resolve(host).then(
      (answer) => reply({ answer }),
      (thrown: unknown) => reply({ failure: { message: messageOf(thrown), code: codeOf(thrown) } }),
    )
  })
}

/** In discovery's thread. */
export function zoneResolver(): Resolver {
  const channel = new BroadcastChannel(CHANNEL)
  const asked = new Map<number, PromiseWithResolvers<Answer>>()
  channel.addEventListener('message', (event) => {
    const { question, answer, failure } = (event as unknown as { data: Reply }).data
    const waiting = asked.get(question)
    if (waiting === undefined) return
    asked.delete(question)
    if (answer !== undefined) waiting.resolve(answer)
    else waiting.reject(Object.assign(new Error(failure?.message), { code: failure?.code }))
  })
  return {
    resolve(host) {
      // Unique over lives: an answer to a predecessor is none to us.
      const question = Math.random()
      const waiting = Promise.withResolvers<Answer>()
      asked.set(question, waiting)
      channel.postMessage({ question, host } satisfies Question)
      return waiting.promise
    },
  }
}
