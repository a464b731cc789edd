import { suggestion } from '../config/suggest.ts'

/** What was typed, understood. */
export type Command =
  | { readonly name: 'run' | 'check'; readonly config: string }
  | {
      readonly name: 'policy'
      /** A module's path, or the name of a built-in policy. */ readonly subject: string
      /** Undefined: drawn. */ readonly seed: number | undefined
    }
  | { readonly name: 'demo'; readonly port: number; readonly adminPort: number }
  | ({ readonly name: 'status'; /** Undefined: all. */ readonly cluster: string | undefined } & AskOptions)
  | ({
      readonly name: 'explain'
      /** Of the request, as in `x-request-id`. */ readonly id: string
    } & AskOptions)
  | { readonly name: 'reference' | 'schema' | 'version' }
  | { readonly name: 'help'; readonly of: CommandName | undefined }
  | { readonly name: 'misuse'; readonly message: string; readonly of: CommandName | undefined }

/** For commands that ask the running program: where, and how the answer is printed. */
export type AskOptions = {
  /** The admin address as written; undefined: the one the configuration names. */
  readonly admin: string | undefined
  /** Undefined: `DEFAULT_CONFIG`, if there is one. */
  readonly config: string | undefined
  /** The raw answer. */
  readonly json: boolean
}

export const COMMAND_NAMES = [
  'run',
  'check',
  'status',
  'explain',
  'policy',
  'demo',
  'reference',
  'schema',
] as const
export type CommandName = (typeof COMMAND_NAMES)[number]

export const DEFAULT_CONFIG = './weir.yaml'
export const DEMO_PORT = 8080
export const DEMO_ADMIN_PORT = 9900
/** Where the demo, and the configuration of the README, serve the admin API. */
export const DEFAULT_ADMIN: string = `127.0.0.1:${DEMO_ADMIN_PORT}`

/** Every option takes one value, given as `--name value` or `--name=value`, except flags. */
type Option = 'config' | 'port' | 'admin-port' | 'admin' | 'json' | 'seed'
const FLAGS: ReadonlySet<Option> = new Set<Option>(['json'])
const OPTIONS: Readonly<Record<CommandName, readonly Option[]>> = {
  run: ['config'],
  check: ['config'],
  status: ['config', 'admin', 'json'],
  explain: ['config', 'admin', 'json'],
  policy: ['seed'],
  demo: ['port', 'admin-port'],
  reference: [],
  schema: [],
}
const SHORT: Readonly<Record<string, Option>> = { '-c': 'config', '-p': 'port' }
/** Arguments without a dash that a command takes at most. */
const OPERANDS: Readonly<Partial<Record<CommandName, number>>> = { status: 1, explain: 1, policy: 2 }
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
  const parsed = parseArguments(first, rest)
  return typeof parsed === 'string' ? misuse(parsed, first) : commandOf(first, parsed)
}

function helpOf(topic: string | undefined): Command {
  if (topic === undefined || isCommandName(topic)) return { name: 'help', of: topic }
  return unknownCommand(topic)
}

function commandOf(name: CommandName, { options, operands }: Arguments): Command {
  if (name === 'run' || name === 'check') return { name, config: options.get('config') ?? DEFAULT_CONFIG }
  if (name === 'status') return { name, cluster: operands[0], ...askOptions(options) }
  if (name === 'explain') {
    const id = operands[0]
    return id === undefined
      ? misuse('a request id is missing (x-request-id of the answer)', name)
      : { name, id, ...askOptions(options) }
  }
  if (name === 'policy') return policyOf(options, operands)
  return name === 'demo' ? demoOf(options) : { name }
}

function policyOf(options: ReadonlyMap<Option, string>, [what, subject]: readonly string[]): Command {
  const name = 'policy'
  if (what !== 'test')
    return misuse(what === undefined ? 'what to do is missing: test' : `unknown: ${what}`, name)
  if (subject === undefined)
    return misuse('a policy is missing: a module or the name of a built-in one', name)
  const seed = options.get('seed')
  if (seed === undefined) return { name, subject, seed }
  if (!/^\d{1,9}$/.test(seed)) return misuse('--seed needs a whole number of up to nine digits', name)
  return { name, subject, seed: Number(seed) }
}

function askOptions(options: ReadonlyMap<Option, string>): AskOptions {
  return { admin: options.get('admin'), config: options.get('config'), json: options.has('json') }
}

function demoOf(options: ReadonlyMap<Option, string>): Command {
  const name = 'demo'
  const port = portOf(options, 'port', DEMO_PORT)
  if (typeof port === 'string') return misuse(port, name)
  const adminPort = portOf(options, 'admin-port', DEMO_ADMIN_PORT)
  if (typeof adminPort === 'string') return misuse(adminPort, name)
  if (port === adminPort && port !== 0) return misuse(`--port and --admin-port are both ${port}`, name)
  return { name, port, adminPort }
}

type Arguments = { readonly options: ReadonlyMap<Option, string>; readonly operands: readonly string[] }

/** The options and operands, or what is wrong with them. */
function parseArguments(command: CommandName, args: readonly string[]): Arguments | string {
  const known = OPTIONS[command]
  const options = new Map<Option, string>()
  const operands: string[] = []
  for (let at = 0; at < args.length; at++) {
    const argument = args[at]!
    if (!argument.startsWith('-') && operands.length < (OPERANDS[command] ?? 0)) {
      operands.push(argument)
      continue
    }
    const equals = argument.startsWith('--') ? argument.indexOf('=') : -1
    const written = equals === -1 ? argument : argument.slice(0, equals)
    const option = known.find((name) => `--${name}` === written || SHORT[written] === name)
    if (option === undefined) return unknownOption(command, written)
    if (FLAGS.has(option) && equals !== -1) return `--${option} takes no value`
    const value = FLAGS.has(option) ? 'yes' : equals === -1 ? args[++at] : argument.slice(equals + 1)
    if (value === undefined || value === '') return `${written} needs a value`
    if (options.has(option)) return `--${option} is given twice`
    options.set(option, value)
  }
  return { options, operands }
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
