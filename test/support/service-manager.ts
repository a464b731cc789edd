import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './weir.ts'
import type { Scope } from './wire.ts'

/** The notification socket of a service manager: a real unix datagram socket, which Node cannot make; Python is there, since node-gyp needs it. */
export type NotifySocket = {
  readonly path: string
  /** Datagrams so far. */
  readonly said: readonly string[]
  /** Resolves with the first datagram, from the `from`-th on, that holds the line. */
  readonly hears: (line: string | RegExp, from?: number) => Promise<string>
}

const LISTENER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('"bound"', flush=True)
while True: print(json.dumps(s.recv(65536).decode()), flush=True)
`

export async function notifySocket(t: Scope): Promise<NotifySocket> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-notify-'))
  const path = join(folder, 'socket')
  const listener = spawn('python3', ['-c', LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => {
    listener.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const said: string[] = []
  let rest = ''
  listener.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) said.push(JSON.parse(line) as string)
  })
  await until(() => said.length > 0, 'it listens')
  said.length = 0
  const matching = (line: string | RegExp, from: number): string | undefined =>
    said
      .slice(from)
      .find((one) =>
        one.split('\n').some((each) => (typeof line === 'string' ? each === line : line.test(each))),
      )
  return {
    path,
    said,
    async hears(line, from = 0) {
      await until(
        () => matching(line, from) !== undefined,
        `${String(line)} is notified:\n${said.join('\n--\n')}`,
      )
      return matching(line, from) ?? ''
    },
  }
}
