import { suggestion } from '../config/suggest.ts'

/** What was typed, understood. */
export type Command =
  | { readonly name: 'run' | 'check'; readonly config: string }
  | { readonly name: 'demo'; readonly port: number; readonly adminPort: number }
  | { readonly name: 'reference' | 'schema' | 'version' }
  | { readonly name: 'help'; readonly of: CommandName | undefined }
  | { readonly name: 'misuse'; readonly message: string; readonly of: CommandName | undefined }

export const COMMAND_NAMES = ['run', 'check', 'demo', 'reference', 'schema'] as const
export type CommandName = (typeof COMMAND_NAMES)[number]

export const DEFAULT_CONFIG = './weir.yaml'
export const DEMO_PORT = 8080
export const DEMO_ADMIN_PORT = 9900

/** Long name → what its value is. Every option takes one value, given as `--name value` or `--name=value`. */
type Option = 'config' | 'port' | 'admin-port'
const OPTIONS: Readonly<Record<CommandName, readonly Option[]>> = {
  run: ['config'],
  check: ['config'],
  demo: ['port', 'admin-port'],
  reference: [],
  schema: [],
}
const SHORT: Readonly<Record<string, Option>> = { '-c': 'config', '-p': 'port' }
const HELP = new Set(['-h', '--help'])
const VERSION = new Set(['-v', '-V', '--version'])

/** The arguments behind the program's name → a command. Total: misuse is a command too. */
export function parseCommand(args: readonly string[]): Command {
  const [first, ...rest] = args
  if (first === undefined) return { name: 'misuse', message: 'a command is missing', of: undefined }
  if (HELP.has(first)) return { name: 'help', of: undefined }
  if (VERSION.has(first) || first === 'version') return { name: 'version' }
  if (first === 'help') return helpOf(rest[0])
  if (first.startsWith('-'))
    return misuse(`unknown option ${first}${suggestion(first, ['--help', '--version'])}`)
  if (!isCommandName(first)) return unknownCommand(first)
  if (rest.some((argument) => HELP.has(argument))) return { name: 'help', of: first }
  const options = parseOptions(first, rest)
  return typeof options === 'string' ? misuse(options, first) : commandOf(first, options)
}

function helpOf(topic: string | undefined): Command {
  if (topic === undefined || isCommandName(topic)) return { name: 'help', of: topic }
  return unknownCommand(topic)
}

function commandOf(name: CommandName, options: ReadonlyMap<Option, string>): Command {
  if (name === 'run' || name === 'check') return { name, config: options.get('config') ?? DEFAULT_CONFIG }
  if (name !== 'demo') return { name }
  const port = portOf(options, 'port', DEMO_PORT)
  if (typeof port === 'string') return misuse(port, name)
  const adminPort = portOf(options, 'admin-port', DEMO_ADMIN_PORT)
  if (typeof adminPort === 'string') return misuse(adminPort, name)
  if (port === adminPort && port !== 0) return misuse(`--port and --admin-port are both ${port}`, name)
  return { name, port, adminPort }
}

/** The options, or what is wrong with them. */
function parseOptions(command: CommandName, args: readonly string[]): ReadonlyMap<Option, string> | string {
  const known = OPTIONS[command]
  const options = new Map<Option, string>()
  for (let at = 0; at < args.length; at++) {
    const argument = args[at]!
    const equals = argument.startsWith('--') ? argument.indexOf('=') : -1
    const written = equals === -1 ? argument : argument.slice(0, equals)
    const option = known.find((name) => `--${name}` === written || SHORT[written] === name)
    if (option === undefined) return unknownOption(command, written)
    const value = equals === -1 ? args[++at] : argument.slice(equals + 1)
    if (value === undefined || value === '') return `${written} needs a value`
    if (options.has(option)) return `--${option} is given twice`
    options.set(option, value)
  }
  return options
}

function unknownOption(command: CommandName, written: string): string {
  if (!written.startsWith('-')) return `weir ${command} takes no argument "${written}"`
  const near = suggestion(written, ['--help', ...OPTIONS[command].map((name) => `--${name}`)])
  return `unknown option ${written}${near}`
}

function portOf(options: ReadonlyMap<Option, string>, option: Option, byDefault: number): number | string {
  const written = options.get(option)
  if (written === undefined) return byDefault
  if (!/^\d{1,5}$/.test(written) || Number(written) > 65_535)
    return `--${option} needs a port from 0 to 65535`
  return Number(written)
}

function unknownCommand(written: string): Command {
  return misuse(`unknown command "${written}"${suggestion(written, COMMAND_NAMES)}`)
}

function misuse(message: string, of?: CommandName): Command {
  return { name: 'misuse', message, of }
}

function isCommandName(written: string): written is CommandName {
  return COMMAND_NAMES.some((name) => name === written)
}
