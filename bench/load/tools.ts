import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { delimiter, join } from 'node:path'

export type Tool = 'cc' | 'wrk' | 'nginx' | 'haproxy' | 'taskset'

export type Tools = Readonly<Record<Tool, string | undefined>>

const debianPackage: Readonly<Record<Tool, string>> = {
  cc: 'gcc',
  wrk: 'wrk',
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  taskset: 'util-linux',
}

const lost: Readonly<Record<Tool, string>> = {
  cc: 'the backend, the floor relay and the connection holder cannot be built: nothing can be measured',
  wrk: 'there is no load: only the idle section runs',
  nginx: 'no comparison with nginx',
  haproxy: 'no comparison with HAProxy',
  taskset: 'nothing can be pinned',
}

/** Daemons are in sbin, which an ordinary user's PATH may lack. */
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

const find = (program: string): string | undefined =>
  folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))

export const findTools = (): Tools => ({
  cc: find('cc'),
  wrk: find('wrk'),
  nginx: find('nginx'),
  haproxy: find('haproxy'),
  taskset: find('taskset'),
})

/** What is missing, what that costs, and how to get it; empty when all is there. */
export const missingTools = (tools: Tools): string[] => {
  const missing = (Object.keys(tools) as Tool[]).filter((tool) => tools[tool] === undefined)
  if (missing.length === 0) return []
  const packages = missing.map((tool) => debianPackage[tool]).join(' ')
  return [
    ...missing.map((tool) => `${tool} is missing: ${lost[tool]}`),
    `install: sudo apt-get install ${packages}`,
  ]
}

const firstLine = (program: string | undefined, flag: string): string => {
  if (program === undefined) return 'not installed'
  try {
    return execFileSync('/bin/sh', ['-c', '"$0" "$1" 2>&1 | head -n 1', program, flag], {
      encoding: 'utf8',
    }).trim()
  } catch {
    return 'unknown'
  }
}

export const runtimeVersions = (): Record<string, string> => ({ node: process.version, commit: commit() })

export const versions = (tools: Tools): Record<string, string> => ({
  ...runtimeVersions(),
  nginx: firstLine(tools.nginx, '-v'),
  haproxy: firstLine(tools.haproxy, '-v'),
  wrk: firstLine(tools.wrk, '-v'),
  cc: firstLine(tools.cc, '--version'),
})

const commit = (): string => {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}

export const machine = (): Record<string, string | number> => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  kernel: release(),
  distribution: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease())?.[1] ?? 'unknown',
})

const osRelease = (): string => {
  try {
    return readFileSync('/etc/os-release', 'utf8')
  } catch {
    return ''
  }
}
