/** The formats of text values: how each is parsed to its canonical spelling, and how documentation and editors describe it. */
import { parseEndpointAddress, parseListenAddress } from '../values/address.ts'
import { parseCidr } from '../values/cidr.ts'
import { parseRouteHost } from '../values/host.ts'
import type { Parsed } from '../values/parsed.ts'
import { bad, ok } from '../values/parsed.ts'
import { parseRoutePath } from '../values/route-path.ts'

export type TextFormat = 'name' | 'listenAddress' | 'endpointAddress' | 'cidr' | 'host' | 'path' | 'logTarget'

export type FormatFacts = {
  readonly parse: (text: string) => Parsed<string>
  /** For the reference. */
  readonly title: string
  /** For editors: necessary, not sufficient. */
  readonly pattern: string
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/

/** Names become metric labels and parts of admin URLs. */
export function parseNameText(text: string): Parsed<string> {
  return NAME.test(text)
    ? ok(text)
    : bad('a name is up to 64 letters, digits, "_", "." and "-", and starts with none of the last two')
}

function parseLogTarget(text: string): Parsed<string> {
  const fits = text.length > 0 && text.length <= 4096 && !text.includes('\0')
  return fits ? ok(text) : bad('the access log goes to "off", "stderr" or a file')
}

export const FORMATS: Readonly<Record<TextFormat, FormatFacts>> = {
  name: { parse: parseNameText, title: 'name', pattern: NAME.source },
  listenAddress: {
    parse: parseListenAddress,
    title: '`ip:port`, `[v6]:port` or `unix:/path`',
    pattern: String.raw`^(unix:/.+|[0-9.]+:\d+|\[[0-9A-Fa-f:.]+\]:\d+)$`,
  },
  endpointAddress: {
    parse: parseEndpointAddress,
    title: '`ip:port`, `[v6]:port`, `host:port` or `unix:/path`',
    pattern: String.raw`^(unix:/.+|.+:\d+)$`,
  },
  cidr: { parse: parseCidr, title: 'CIDR block', pattern: String.raw`^[0-9A-Fa-f.:]+(/\d{1,3})?$` },
  host: { parse: parseRouteHost, title: 'host', pattern: String.raw`^(\*\.)?[^*/\s]+$` },
  path: { parse: parseRoutePath, title: 'path', pattern: String.raw`^=?/[^?#*\s]*$` },
  logTarget: { parse: parseLogTarget, title: '`off`, `stderr` or a file', pattern: '^.+$' },
}
