/** What an agent said in one line; undefined where it said nothing of the kind. */
export type AgentWord = {
  /** Share of the configured weight, 0…1: `75%`. */
  readonly share: number | undefined
  /** An absolute weight: `weight:3`. */
  readonly weight: number | undefined
  /** `maxconn:30`. */
  readonly maxConnections: number | undefined
  readonly wish: 'ready' | 'drain' | 'maint' | undefined
  readonly health: 'up' | 'down' | undefined
  /** Behind `#`, for people: printable ASCII, at most 80 characters. */
  readonly why: string
  /** Words that are none of HAProxy's. */
  readonly unknown: number
}

/** Longest line that is looked at, in bytes. */
export const MAX_AGENT_LINE = 256

const WISHES: ReadonlySet<string> = new Set(['ready', 'drain', 'maint'])
/** `fail` and `stopped` are HAProxy's other words for down. */
const DOWN: ReadonlySet<string> = new Set(['down', 'fail', 'failed', 'stopped'])

const PERCENT = /^(\d{1,3})%$/
const SETTING = /^(weight|maxconn):(\d{1,7})$/

/**
 * HAProxy's agent-check (configuration manual, `agent-check`): words parted by spaces, tabs or commas, ended by the first CR or LF; `#`
 * begins a reason for people. Total: any text yields a word, nothing throws, nothing beyond `MAX_AGENT_LINE` is looked at. Of two
 * words about the same thing the last counts.
 */
export const parseAgentLine = (text: string): AgentWord => {
  const line = /^[^\r\n]*/.exec(text.slice(0, MAX_AGENT_LINE))?.[0] ?? ''
  const hash = line.indexOf('#')
  const said = hash < 0 ? line : line.slice(0, hash)
  const word: { -readonly [K in keyof AgentWord]: AgentWord[K] } = {
    share: undefined,
    weight: undefined,
    maxConnections: undefined,
    wish: undefined,
    health: undefined,
    why: hash < 0 ? '' : printable(line.slice(hash + 1)),
    unknown: 0,
  }
  for (const part of said.toLowerCase().split(/[ \t,]+/)) {
    if (part === '') continue
    const percent = PERCENT.exec(part)
    const setting = SETTING.exec(part)
    if (percent !== null) word.share = Math.min(1, Number(percent[1]) / 100)
    else if (setting?.[1] === 'weight') word.weight = Math.min(1_000_000, Number(setting[2]))
    else if (setting !== null) word.maxConnections = Number(setting[2])
    else if (WISHES.has(part)) word.wish = part as 'ready' | 'drain' | 'maint'
    else if (part === 'up') word.health = 'up'
    else if (DOWN.has(part)) word.health = 'down'
    else word.unknown++
  }
  return word
}

/** Nothing of HAProxy's was in it: not an agent. */
export const saysNothing = (word: AgentWord): boolean =>
  word.share === undefined &&
  word.weight === undefined &&
  word.maxConnections === undefined &&
  word.wish === undefined &&
  word.health === undefined

const printable = (text: string): string =>
  text
    .replaceAll(/[^\x20-\x7E]/g, '')
    .trim()
    .slice(0, 80)
