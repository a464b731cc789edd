/** The formats of text values: how each is parsed to its canonical spelling, and how documentation and editors describe it. */
import { parseEndpointAddress, parseListenAddress } from '../values/address.ts'
import { parseCidr } from '../values/cidr.ts'
import {
  parseBodyText,
  parseCookieName,
  parseFieldName,
  parseHostField,
  parseLine,
  parseParameter,
  parseRequestPath,
  parseStatuses,
} from '../values/http.ts'
import { parseRouteHost } from '../values/host.ts'
import type { Parsed } from '../values/parsed.ts'
import { bad, ok } from '../values/parsed.ts'
import { parseRoutePath } from '../values/route-path.ts'

export type TextFormat =
  | 'name'
  | 'listenAddress'
  | 'endpointAddress'
  | 'cidr'
  | 'host'
  | 'path'
  | 'logTarget'
  | 'policyModule'
  | 'file'
  | 'variable'
  | 'secret'
  | 'requestPath'
  | 'hostField'
  | 'statuses'
  | 'bodyText'
  | 'line'
  | 'fieldName'
  | 'cookieName'
  | 'parameter'

export type FormatFacts = {
  readonly parse: (text: string) => Parsed<string>
  /** For the reference. */
  readonly title: string
  /** For editors: necessary, not sufficient. */
  readonly pattern: string
}

/** Characters: 96 bits even of hexadecimal digits. */
const MIN_SECRET = 24

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

const MODULE = /^[^\0]*(?:\/|\.[mc]?[jt]s$)/

function parsePolicyModule(text: string): Parsed<string> {
  const fits = MODULE.test(text) && /\.m?[jt]s$/.test(text) && text.length <= 4096 && !/[\0?#]/.test(text)
  return fits ? ok(text) : bad('the path of a module of yours (./my-policy.ts)')
}

function parseFile(text: string): Parsed<string> {
  const fits = text.length > 0 && text.length <= 4096 && !text.includes('\0')
  return fits ? ok(text) : bad('the path of a file is needed')
}

function parseVariable(text: string): Parsed<string> {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text)
    ? ok(text)
    : bad('the name of an environment variable is needed')
}

function parseSecret(text: string): Parsed<string> {
  return text.length >= MIN_SECRET && text.length <= 4096
    ? ok(text)
    : bad(`a secret has ${MIN_SECRET} to 4096 characters`)
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
  policyModule: {
    parse: parsePolicyModule,
    title: 'path of a `.ts` or `.js` module',
    pattern: String.raw`\.m?[jt]s$`,
  },
  file: { parse: parseFile, title: 'path of a file', pattern: '^.+$' },
  variable: { parse: parseVariable, title: 'name of a variable', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
  secret: { parse: parseSecret, title: 'secret', pattern: '.' },
  requestPath: { parse: parseRequestPath, title: 'path', pattern: '^/' },
  hostField: { parse: parseHostField, title: 'host, with or without a port', pattern: '^.+$' },
  statuses: {
    parse: parseStatuses,
    title: 'status or range (`200-399`)',
    pattern: String.raw`^[1-5]\d\d(-[1-5]\d\d)?$`,
  },
  bodyText: { parse: parseBodyText, title: 'text', pattern: '.' },
  line: { parse: parseLine, title: 'line of text', pattern: '.' },
  fieldName: { parse: parseFieldName, title: 'name', pattern: '^.+$' },
  cookieName: { parse: parseCookieName, title: 'name', pattern: '^.+$' },
  parameter: { parse: parseParameter, title: 'name', pattern: '^.+$' },
}
