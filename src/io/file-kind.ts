import { lstat } from 'node:fs/promises'

/** What lies at a path, a link not followed; undefined: nothing, or nothing that can be seen. */
export type FileKind =
  | 'a socket'
  | 'a regular file'
  | 'a directory'
  | 'a symbolic link'
  | 'a named pipe'
  | 'a device'

export async function fileKind(path: string): Promise<FileKind | undefined> {
  const file = await lstat(path).catch(() => undefined)
  if (file === undefined) return undefined
  if (file.isSocket()) return 'a socket'
  if (file.isFile()) return 'a regular file'
  if (file.isDirectory()) return 'a directory'
  if (file.isSymbolicLink()) return 'a symbolic link'
  return file.isFIFO() ? 'a named pipe' : 'a device'
}
