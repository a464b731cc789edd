import { expose, wrap } from 'comlink'
import { ActorError, errorFacts, errorFrom } from './errors.ts'
import type { ErrorFacts } from './errors.ts'
import type { Timers } from './timers.ts'

/**
 * Typed calls between threads: comlink matches questions and answers, this file adds what it lacks. A call ends exactly once:
 * with the answer, with the error thrown over there (its `code` intact), when its deadline passes, or when the actor dies,
 * whichever comes first. After death a call is rejected at once and nothing is sent.
 *
 *     calling ── answer ──▶ settled        deadline ──▶ WEIR_ACTOR_TIMEOUT (a late answer is dropped)
 *        └───── die() ────▶ WEIR_ACTOR_DIED
 *
 * One direction per port: an exposed and a connected actor on the same end of one port would read each other's answers.
 */

/** What both `Worker`, `parentPort` and `MessagePort` are. */
export type RpcPort = {
  postMessage(message: unknown, transfer?: readonly never[]): void
  on(event: 'message', listener: (message: unknown) => void): unknown
  off(event: 'message', listener: (message: unknown) => void): unknown
}

/** The methods of T as its callers in another thread see them. */
export type Remote<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never
}

export type ActorRef<T> = {
  readonly name: string
  /** Calls without a deadline of their own: they end when answered or when the actor dies. */
  readonly call: Remote<T>
  /** Calls that are given up after `timeoutMs`; what was asked may still happen over there. */
  readonly within: (timeoutMs: number) => Remote<T>
  /** The actor is gone: reject what is pending and all that comes. Idempotent; the first reason stands. */
  readonly die: (reason: string) => void
  /** Calls under way. */
  readonly pending: () => number
}

type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: ErrorFacts }
type Gate = { call(method: string, ...args: unknown[]): Promise<Answer> }

/** Serve `api` to whoever holds the other end of `port`. Only its functions can be called. */
export function exposeActor(port: RpcPort, name: string, api: object): void {
  const gate: Gate = {
    async call(method, ...args) {
      try {
        return { ok: true, value: await invoke(name, api, method, args) }
      } catch (thrown) {
        return { ok: false, error: errorFacts(thrown) }
      }
    },
  }
  expose(gate, endpointOf(port))
}

/** The other end. Call `die` when the thread behind it has ended: a port does not tell. */
export function connectActor<T extends object>(port: RpcPort, name: string, timers: Timers): ActorRef<T> {
  const gate = wrap<Gate>(endpointOf(port))
  const pending = new Set<() => void>()
  let dead: string | undefined

  const ask = async (method: string, args: readonly unknown[], timeoutMs: number): Promise<unknown> => {
    if (dead !== undefined) throw died(name, method, dead)
    const gone = Promise.withResolvers<never>()
    const onDeath = (): void => gone.reject(died(name, method, dead ?? 'unknown'))
    pending.add(onDeath)
    const cancel =
      timeoutMs === Infinity
        ? noop
        : timers.after(timeoutMs, () => gone.reject(late(name, method, timeoutMs)))
    try {
      return unpack(await Promise.race([gone.promise, send(gate, name, method, args)]))
    } finally {
      pending.delete(onDeath)
      cancel()
    }
  }

  return {
    name,
    call: remote<T>((method, args) => ask(method, args, Infinity)),
    within: (timeoutMs) => remote<T>((method, args) => ask(method, args, timeoutMs)),
    die(reason) {
      dead ??= reason
      for (const onDeath of pending) onDeath()
    },
    pending: () => pending.size,
  }
}

async function send(gate: Gate, actor: string, method: string, args: readonly unknown[]): Promise<Answer> {
  try {
    return await gate.call(method, ...args)
  } catch (thrown) {
    throw unsendable(actor, method, thrown)
  }
}

function unpack(answer: Answer): unknown {
  if (answer.ok) return answer.value
  throw errorFrom(answer.error)
}

async function invoke(name: string, api: object, method: string, args: readonly unknown[]): Promise<unknown> {
  const target: unknown = Reflect.get(api, method)
  const inherited = method in Object.prototype
  if (typeof target !== 'function' || inherited) {
    throw new ActorError('WEIR_ACTOR_NO_METHOD', name, `${name} has no method ${method}`)
  }
  return Reflect.apply(target, api, args)
}

function remote<T>(ask: (method: string, args: readonly unknown[]) => Promise<unknown>): Remote<T> {
  const methods = new Map<string, (...args: unknown[]) => Promise<unknown>>()
  const handler: ProxyHandler<object> = {
    get(_target, method) {
      // A thenable would be called by `await`: a proxy of methods must not look like one.
      if (typeof method === 'symbol' || method === 'then') return undefined
      let bound = methods.get(method)
      if (bound === undefined) methods.set(method, (bound = async (...args) => ask(method, args)))
      return bound
    },
  }
  // A Proxy's type is what its handler makes of it
  return new Proxy({}, handler) as Remote<T>
}

type Listener = (event: { data: unknown }) => void
type ComlinkEndpoint = Parameters<typeof wrap>[0]

/** comlink speaks DOM events, worker threads Node's. */
function endpointOf(port: RpcPort): ComlinkEndpoint {
  const adapted = new Map<Listener, (message: unknown) => void>()
  const endpoint = {
    postMessage: (message: unknown, transfer?: readonly never[]) => port.postMessage(message, transfer),
    addEventListener(_type: string, listener: Listener) {
      const onMessage = (data: unknown): void => listener({ data })
      adapted.set(listener, onMessage)
      port.on('message', onMessage)
    },
    removeEventListener(_type: string, listener: Listener) {
      const onMessage = adapted.get(listener)
      if (onMessage !== undefined) port.off('message', onMessage)
      adapted.delete(listener)
    },
  }
  // comlink names DOM types for what it uses as plain functions
  return endpoint as unknown as ComlinkEndpoint
}

function died(actor: string, method: string, reason: string): ActorError {
  return new ActorError('WEIR_ACTOR_DIED', actor, `${actor} ended before ${method} was answered: ${reason}`)
}

function late(actor: string, method: string, timeoutMs: number): ActorError {
  return new ActorError(
    'WEIR_ACTOR_TIMEOUT',
    actor,
    `${actor} did not answer ${method} within ${timeoutMs} ms`,
  )
}

function unsendable(actor: string, method: string, thrown: unknown): ActorError {
  const message = `${method} could not be asked of ${actor}`
  return new ActorError('WEIR_ACTOR_UNSENDABLE', actor, message, thrown)
}

function noop(): void {}
