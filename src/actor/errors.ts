/** Errors between actors. `code` is stable and crosses threads; messages may change. */
export type ActorErrorCode =
  | 'WEIR_ACTOR_DIED'
  | 'WEIR_ACTOR_TIMEOUT'
  | 'WEIR_ACTOR_NO_METHOD'
  | 'WEIR_ACTOR_UNSENDABLE'

export class ActorError extends Error {
  readonly code: ActorErrorCode
  readonly actor: string

  constructor(code: ActorErrorCode, actor: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ActorError'
    this.code = code
    this.actor = actor
  }
}

type Primitive = string | number | boolean | bigint | null
/** An error as plain data: structured clone would lose `code` and everything else an errno error carries. */
export type ErrorFacts = {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Own enumerable primitive properties: `code`, `errno`, `syscall`, `address`, `port`, … */
  readonly properties: Readonly<Record<string, Primitive>>
  readonly cause: ErrorFacts | undefined
}

const MAX_CAUSES = 4

export function errorFacts(thrown: unknown, depth = 0): ErrorFacts {
  if (!(thrown instanceof Error)) {
    return { name: 'Error', message: describe(thrown), stack: undefined, properties: {}, cause: undefined }
  }
  const properties: Record<string, Primitive> = {}
  for (const [key, value] of Object.entries(thrown)) if (isPrimitive(value)) properties[key] = value
  const hasCause = thrown.cause !== undefined && depth < MAX_CAUSES
  const cause = hasCause ? errorFacts(thrown.cause, depth + 1) : undefined
  return { name: thrown.name, message: thrown.message, stack: thrown.stack, properties, cause }
}

export function errorFrom(facts: ErrorFacts): Error {
  const options = facts.cause === undefined ? undefined : { cause: errorFrom(facts.cause) }
  const error = new Error(facts.message, options)
  const { properties } = facts
  Object.defineProperty(error, 'name', { value: facts.name, configurable: true, writable: true })
  Object.defineProperty(error, 'stack', { value: facts.stack, configurable: true, writable: true })
  for (const [key, value] of Object.entries(properties)) {
    if (key !== 'name' && key !== 'stack') Object.defineProperty(error, key, own(value))
  }
  return error
}

/** The stable code of whatever was thrown, if it has one. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

/** The message of whatever was thrown, for people. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : describe(thrown)
}

function own(value: Primitive): PropertyDescriptor {
  return { value, configurable: true, enumerable: true, writable: true }
}

function isPrimitive(value: unknown): value is Primitive {
  return value === null || ['string', 'number', 'boolean', 'bigint'].includes(typeof value)
}

function describe(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null
    ? Object.prototype.toString.call(thrown)
    : String(thrown)
}
