import { access, readFile } from 'node:fs/promises'
import { formatDiagnostic } from '../config/diagnostic.ts'
import { DEFAULT_ADMIN, DEFAULT_CONFIG } from './cli.ts'
import type { AskOptions } from './cli.ts'
import { Refusal } from './failure.ts'
import { readConfig } from './load.ts'

/**
 * Where the running program serves its admin API: as told, else as the configuration says, else, where there is none, `DEFAULT_ADMIN`.
 * Throws a Refusal that says what to do.
 */
export async function findAdmin({ admin, config }: Omit<AskOptions, 'json'>): Promise<string> {
  if (admin !== undefined) return reachable(admin.replace(/^http:\/\/([^/]*)\/?$/, '$1'), '--admin')
  const path = config ?? DEFAULT_CONFIG
  if (config === undefined && !(await exists(path))) return DEFAULT_ADMIN
  const parsed = await readConfig({ name: path, read: () => readFile(path, 'utf8') })
  if (parsed.config === undefined) throw new Refusal(parsed.diagnostics.map(formatDiagnostic))
  const bind = parsed.config.admin?.bind
  if (bind === undefined)
    throw new Refusal([`weir: ${path} has no admin listener: add admin: { bind: ${DEFAULT_ADMIN} }`])
  return reachable(bind, path)
}

/** An address to connect to: a listener on every address of the machine is reached on loopback. */
function reachable(address: string, where: string): string {
  if (/^unix:./.test(address)) return address
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(address) ?? []
  if (host === '' || Number(port) > 65_535)
    throw new Refusal([`weir: ${where}: ${address} is no ip:port, [v6]:port or unix:/path`])
  if (Number(port) === 0)
    throw new Refusal([
      `weir: ${where} leaves the port to the system: give the one that "weir: ready" named with --admin`,
    ])
  if (host === '0.0.0.0') return `127.0.0.1:${port}`
  return host === '[::]' ? `[::1]:${port}` : address
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
