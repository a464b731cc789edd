import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** A whole regular file of at most `max` bytes. Rejects if it is anything else; a pipe nobody writes to hangs nobody. */
export async function readBounded(path: string, max: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('is no regular file')
    const buffer = Buffer.alloc(Math.min(stat.size, max) + 1)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    if (bytesRead > max) throw new Error(`is larger than ${max / 1024} KiB`)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
