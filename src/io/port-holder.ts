import { readFile, readdir, readlink } from 'node:fs/promises'
import { TITLE } from './process-title.ts'

/**
 * Who holds a TCP port? Linux tells through /proc: the listening socket's inode, then the process that has it open.
 * Best effort: other users' processes cannot be looked into, and nobody waits for the answer for long.
 */
export type Holder = { readonly pid: number; readonly name: string }

/** Characters of a title that are shown. */
const LONGEST = 200

export async function portHolder(port: number, proc = '/proc'): Promise<Holder | undefined> {
  const tables = await Promise.all(['net/tcp', 'net/tcp6'].map((table) => readOr(`${proc}/${table}`, '')))
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table, port)))
  if (inodes.size === 0) return undefined
  const links = new Set([...inodes].map((inode) => `socket:[${inode}]`))
  const entries = await readdir(proc).catch(() => [])
  for (const pid of entries.filter((name) => /^\d+$/.test(name))) {
    if (await holds(`${proc}/${pid}/fd`, links)) {
      return { pid: Number(pid), name: await nameOf(`${proc}/${pid}`) }
    }
  }
  return undefined
}

/** One of ours in full, by its title; others by their short names. */
async function nameOf(folder: string): Promise<string> {
  const [title = ''] = (await readOr(`${folder}/cmdline`, '')).split('\0', 1)
  if (title.startsWith(TITLE))
    return title
      .slice(0, LONGEST)
      .replaceAll(/[^ -~]/g, '?')
      .trim()
  return (await readOr(`${folder}/comm`, '')).trim() || 'a process'
}

/** Inodes of the sockets in /proc/net/tcp text that listen on a port (proc(5): local address, then state 0A, the inode is field 10). */
export function listeningInodes(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/))
  return rows.flatMap((row) =>
    row[1]?.endsWith(suffix) && row[3] === '0A' && row[9] !== undefined ? [row[9]] : [],
  )
}

async function holds(folder: string, links: ReadonlySet<string>): Promise<boolean> {
  const fds = await readdir(folder).catch(() => [])
  const targets = await Promise.all(fds.map((fd) => readlink(`${folder}/${fd}`).catch(() => '')))
  return targets.some((target) => links.has(target))
}

async function readOr(file: string, otherwise: string): Promise<string> {
  return readFile(file, 'latin1').catch(() => otherwise)
}
