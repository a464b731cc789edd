import type { ProbeSpec } from '../config/snapshot.ts'
import { MAX_AGENT_LINE, parseAgentLine, saysNothing } from '../health/agent-check.ts'
import type { ProbeResult } from '../health/world.ts'
import type { HttpAnswer, HttpQuestion } from './probe-http.ts'
import { dialOnce, readLine } from './probe-socket.ts'
import { dialTarget, foundNobody, storyOf } from './probe-target.ts'

/** Whom to ask what, for how long at most. */
export type Probe = {
  /** Resolved: `ip:port`, `[v6]:port` or `unix:/path`. */
  readonly address: string
  /** As configured: the Host field, where the probe names none. */
  readonly configured: string
  readonly probe: ProbeSpec
  readonly timeoutMs: number
}

/** Of a body as much is searched for what is expected in it. */
export const MAX_BODY_BYTES = 65_536

/**
 * Make one probe. Always resolves, within the timeout or when `cancel` aborts, and when it does its socket is closed. A failure
 * is a result, never a throw.
 */
export async function probeOnce(probe: Probe, cancel: AbortSignal): Promise<ProbeResult> {
  if (probe.probe.kind === 'http') await httpClient() // once; not in the time of the probe
  const result = await withDeadline(probe.timeoutMs, cancel, (signal) => make(probe, signal))
  return 'value' in result
    ? result.value
    : { passed: false, detail: result.why, absent: result.absent, agent: undefined }
}

type HttpClient = {
  readonly askOnce: (question: HttpQuestion, signal: AbortSignal) => Promise<HttpAnswer>
}

/** It costs a program that checks nothing by HTTP 28 MB and 60 ms to load it. */
function httpClient(): Promise<HttpClient> {
  return import('./probe-http.ts')
}

/** Do `work` until it is done, the time is over or `cancel` aborts; the signal it is given says so. Never rejects. */
export async function withDeadline<T>(
  timeoutMs: number,
  cancel: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly value: T } | { readonly why: string; readonly absent: boolean }> {
  const control = new AbortController()
  let ending = ''
  const end = (why: string): void => {
    ending ||= why
    control.abort()
  }
  const onCancel = (): void => end('cancelled')
  if (cancel.aborted) return { why: 'cancelled', absent: false }
  cancel.addEventListener('abort', onCancel)
  const timer = setTimeout(() => end('timeout'), timeoutMs)
  try {
    return { value: await work(control.signal) }
  } catch (thrown) {
    const own = ending === ''
    return { why: own ? storyOf(thrown) : ending, absent: own && foundNobody(thrown) }
  } finally {
    clearTimeout(timer)
    cancel.removeEventListener('abort', onCancel)
  }
}

async function make({ address, configured, probe }: Probe, signal: AbortSignal): Promise<ProbeResult> {
  switch (probe.kind) {
    case 'tcp':
      await dialOnce(dialTarget(address), signal)
      return { passed: true, detail: '', agent: undefined }
    case 'agent': {
      const line = { send: probe.send, limit: MAX_AGENT_LINE }
      const agent = parseAgentLine(await readLine(dialTarget(address, probe.port), signal, line))
      if (saysNothing(agent)) return { passed: false, detail: 'not what an agent says', agent: undefined }
      const passed = agent.health !== 'down'
      return {
        passed,
        detail: agent.why === '' ? `the agent says ${agent.health ?? 'nothing'}` : agent.why,
        agent,
      }
    }
    case 'http': {
      const { method, path, host, expect, body } = probe
      const asked = { address, method, path, host: host === '' ? hostOf(configured) : host }
      const { askOnce } = await httpClient()
      const answer = await askOnce({ ...asked, bodyBytes: body === '' ? 0 : MAX_BODY_BYTES }, signal)
      return judge(answer, expect, body)
    }
  }
}

function judge(
  { status, body }: HttpAnswer,
  expect: readonly (readonly [number, number])[],
  wanted: string,
): ProbeResult {
  if (!expect.some(([from, to]) => status >= from && status <= to))
    return { passed: false, detail: `status ${status}`, agent: undefined }
  const found = wanted === '' || body.includes(Buffer.from(wanted).toString('latin1'))
  return { passed: found, detail: found ? '' : 'the body is another', agent: undefined }
}

/** A Unix socket has no name that a server would know. */
export function hostOf(configured: string): string {
  return configured.startsWith('unix:') ? 'localhost' : configured
}
