import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from './children.ts'
import { BenchError, messageOf } from './errors.ts'
import { ask } from './http.ts'

const READY_WITHIN_MS = 15_000

/** Wait until a contender answers with 200; one that does not in time, or ends, is stopped and its complaint said. */
export const untilItAnswers = async (child: Child, port: number, path: string): Promise<void> => {
  const deadline = performance.now() + READY_WITHIN_MS
  let last = ''
  while (performance.now() < deadline) {
    if (!child.running) throw new BenchError(`${child.name} ended at once:\n${child.complaint}`)
    try {
      const { status } = await ask({ port, path })
      if (status === 200) return
      last = `status ${status}`
    } catch (error) {
      last = messageOf(error)
    }
    await sleep(50)
  }
  await child.stop()
  throw new BenchError(
    `${child.name} did not answer within ${READY_WITHIN_MS} ms (${last}):\n${child.complaint}`,
  )
}
