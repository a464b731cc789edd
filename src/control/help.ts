import { DEFAULT_ADMIN, DEFAULT_CONFIG, DEMO_ADMIN_PORT, DEMO_PORT } from './cli.ts'
import type { CommandName } from './cli.ts'

const OVERVIEW = `weir: an HTTP reverse proxy and load balancer

usage: weir <command> [options]

  run [-c weir.yaml]     run the proxy in the foreground
  check [-c weir.yaml]   print every diagnostic of a configuration, run nothing
  status [cluster]       clusters and endpoints of the running program: state and why, load, latency, errors
  explain <request-id>   why a request went where it went
  policy test <policy>   try every law of balancing on a policy of yours, or on a built-in one
  demo                   a proxy with backends of its own, and what to try with it
  reference              the configuration reference, as Markdown
  schema                 the configuration's JSON Schema, for editors

  --help, -h             this text; weir <command> --help says more
  --version, -v          the version

Exit: 0 after a graceful stop, 1 for a bad configuration, a failed start or no answer, 2 for bad usage.
`

const ASKING = `Options:
  --admin <address>      the admin listener: ip:port, [v6]:port or unix:/path
  -c, --config <file>    the configuration that names it (default ${DEFAULT_CONFIG}; without that file: ${DEFAULT_ADMIN})
  --json                 the admin API's answer as it is
`

const COMMANDS: Readonly<Record<CommandName, string>> = {
  run: `usage: weir run [-c <file>]

Runs the proxy in the foreground, until it is told to stop.

  -c, --config <file>    the configuration, YAML or JSON (default ${DEFAULT_CONFIG})

"weir: ready" and the addresses are printed on stderr once every listener accepts.

Signals:
  SIGTERM, SIGINT        stop accepting, let requests under way finish (drain in the configuration), exit 0;
                         a second one stops at once
  SIGHUP                 read the configuration again; a bad one is refused and the old one runs on;
                         the access log's file is opened again, too
  SIGUSR2                replace the running program by what is on disk now (code, Node, configuration), without
                         refusing or breaking anything; one that cannot start changes nothing
`,
  check: `usage: weir check [-c <file>]

Prints every diagnostic of the configuration at once, one a line: file:line:column: message.
Policies of your own are compiled and tried, and secrets read, as a start would.
Exit 0 if there is none, 1 if there is any; one that only warns would run nevertheless.

  -c, --config <file>    the configuration, YAML or JSON (default ${DEFAULT_CONFIG})
`,
  status: `usage: weir status [<cluster>] [--admin <address> | -c <file>] [--json]

Prints what the running program knows of its clusters: of every endpoint its state and why, weight as configured or
patched → in effect, requests in flight, mean ms to the first byte, answers, failed attempts, utilisation as reported.
Exit 0; 1 if nobody answers or there is no such cluster.

${ASKING}`,
  explain: `usage: weir explain <request-id> [--admin <address> | -c <file>] [--json]

Tells why a request went where it went: its tries, the endpoints compared with their scores, those left out and why,
the draw, and what came of it. The id is the x-request-id of the answer. Decisions are kept of failed requests and of a
sample (explain.sample in the configuration). Exit 0; 1 if nobody answers or nothing is kept of that request.

${ASKING}`,
  policy: `usage: weir policy test <module | name> [--seed <n>]

Tries every law of balancing on a policy, in workers that are ended if they do not finish: that picks are in range, replay and
are as probable as stated, that nobody starves, that shares follow weights, that what fails fast gains nothing, that keys
stay where they are. Prints which hold, which are broken and by what, and which do not apply. A module exports
"policy(options)". Exit 0 if none is broken, 1 if one is, 2 if there is nothing to try.

  --seed <n>             of all chance (default: drawn and printed)
`,
  demo: `usage: weir demo [--port <n>] [--admin-port <n>]

Starts a few backends (quick, slow, one that fails now and then) behind a proxy on 127.0.0.1
and prints what to try. Ctrl-C stops all of it.

  -p, --port <n>         where the proxy listens (default ${DEMO_PORT}; 0: any free port)
  --admin-port <n>       where metrics and the admin API are served (default ${DEMO_ADMIN_PORT}; 0: any free port)
`,
  reference: `usage: weir reference

Prints the configuration reference: every key with its type, default and reason, as Markdown.
`,
  schema: `usage: weir schema

Prints the configuration's JSON Schema. For an editor with the YAML language server:
  weir schema > weir.schema.json     and in weir.yaml:  # yaml-language-server: $schema=weir.schema.json
`,
}

export function helpText(of: CommandName | undefined): string {
  return of === undefined ? OVERVIEW : COMMANDS[of]
}

/** One line that points on, behind a complaint about usage. */
export function usageHint(of: CommandName | undefined): string {
  return of === undefined ? 'try: weir --help' : `try: weir ${of} --help`
}
