import { codeOf, messageOf } from '../actor/errors.ts'
import { askHttp } from '../io/http-ask.ts'
import type { Asked } from '../io/http-ask.ts'
import type { ExplainRecord } from '../telemetry/explain-record.ts'
import { findAdmin } from './admin-address.ts'
import type { AskOptions } from './cli.ts'
import { explainText } from './explain-text.ts'
import { Refusal } from './failure.ts'
import type { ClusterFacts, ClustersFacts } from './facts-shape.ts'
import type { ShardsFacts } from './shard-facts.ts'
import { shardsText } from './shards-text.ts'
import { statusText } from './status-text.ts'

/** The commands that ask the running program over its admin API. Each returns what to print, or throws a Refusal that says why there is nothing. */
export async function status(cluster: string | undefined, options: AskOptions): Promise<string> {
  const path = `/api/v1/clusters${cluster === undefined ? '' : `/${encodeURIComponent(cluster)}`}`
  const body = await answerTo(path, options)
  if (options.json) return body
  if (cluster !== undefined) return statusText([decoded(body, 'endpoints') as ClusterFacts], Date.now())
  const { clusters } = decoded(body, 'clusters') as ClustersFacts
  const shards = decoded(await answerTo('/api/v1/shards', options), 'shards') as ShardsFacts
  return `${shardsText(shards)}\n${statusText(clusters, Date.now())}`
}

export async function explain(id: string, options: AskOptions): Promise<string> {
  const body = await answerTo(`/api/v1/explain/${encodeURIComponent(id)}`, options)
  return options.json ? body : explainText(decoded(body, 'tries') as ExplainRecord)
}

async function answerTo(path: string, options: AskOptions): Promise<string> {
  const address = await findAdmin(options)
  const { status: code, body } = await asked(address, path)
  if (code === 200) return body
  const detail: unknown = Reflect.get(parsed(body), 'detail')
  const why = typeof detail === 'string' ? printable(detail) : `${address} answered with status ${code}`
  throw new Refusal([`weir: ${why}`])
}

async function asked(address: string, path: string): Promise<Asked> {
  try {
    return await askHttp(address, path)
  } catch (thrown) {
    const why = REASONS[codeOf(thrown) ?? ''] ?? messageOf(thrown)
    throw new Refusal([
      `weir: nobody answers on ${address}: ${why}`,
      'weir: is it running, and with this admin listener? --admin <address> names another',
    ])
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not',
  ENOTFOUND: 'there is no such host',
}

/** Whoever sent it: nothing that a terminal would obey. */
function printable(text: string): string {
  return text.slice(0, 1000).replaceAll(/\p{Cc}/gu, ' ')
}

/** An object that has a list under `list`: what some other server sent is no answer of ours. */
function decoded(body: string, list: string): object {
  const value = parsed(body)
  if (Array.isArray(Reflect.get(value, list))) return value
  throw new Refusal(['weir: what answers there is not the admin API of weir'])
}

function parsed(body: string): object {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
