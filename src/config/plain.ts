/**
 * The plain values a configuration text means, before any schema has looked at them: mappings are `Map`s (so that no key,
 * `__proto__` included, is special). The schema's readers see these and a path only; they know no YAML.
 */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainMap
export type PlainMap = ReadonlyMap<string, Plain>

/** From the root to a value: keys and indexes. */
export type Path = readonly (string | number)[]

/** Where to point: at the value, or at the key that leads to it. */
export type Part = 'value' | 'key'

export type Report = (path: Path, message: string, part?: Part) => void

export function isMapping(value: Plain): value is PlainMap {
  return value instanceof Map
}

export function isSequence(value: Plain): value is readonly Plain[] {
  return Array.isArray(value)
}

/** `listeners.web.bind[1]`, for messages. */
export function showPath(path: Path): string {
  return path
    .map((step, at) =>
      typeof step === 'number' ? `[${step}]` : at === 0 ? showKey(step) : `.${showKey(step)}`,
    )
    .join('')
}

const SHOWN = 60
/** What a key may hold to stand in a message as it is: a message is one line, whatever the file holds. */
const PLAIN_KEY = new RegExp(`^[^\\p{C}\\p{Zl}\\p{Zp}]{1,${SHOWN}}$`, 'u')

function showKey(key: string): string {
  return PLAIN_KEY.test(key) ? key : showText(key)
}

/** What stands there, for messages: bounded, control characters escaped. */
export function showPlain(value: Plain): string {
  if (value === null) return 'nothing'
  if (isMapping(value)) return 'a mapping'
  if (isSequence(value)) return 'a list'
  if (typeof value === 'string') return showText(value)
  return String(value)
}

export function showText(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)
}

/** Whether a value stands at the path, or the scalar that is short for what would. */
export function isWritten(root: Plain, path: Path): boolean {
  let value: Plain | undefined = root
  for (const step of path) {
    if (value === undefined) return false
    if (isMapping(value)) value = typeof step === 'string' ? value.get(step) : undefined
    else if (isSequence(value)) value = typeof step === 'number' ? value[step] : undefined
    else return true
  }
  return value !== undefined
}
