import { createHash } from 'node:crypto'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Policy } from '../balance/policy.ts'
import type { PolicySource } from '../balance/policy-source.ts'
import { makePolicy } from '../balance/registry.ts'
import type { PolicyOptions, PolicySpec, Snapshot } from '../config/snapshot.ts'
import { readBounded } from './bounded-file.ts'

/** A policy is a page of code: what is larger is something else. */
const MAX_MODULE = 1024 * 1024

type Make = (options: PolicyOptions) => Policy

/**
 * An actor's policies: the built-in ones, and those of modules that were loaded before. A module is known by its URL, which holds a hash of what was
 * verified: if the file is another by now (it was edited, and this thread is a successor), it is not run.
 */
export class PolicyLoader implements PolicySource {
  /** By URL: how to make one, or why none can be made. */
  #modules: ReadonlyMap<string, Make | Error> = new Map()

  /** Load what a snapshot needs and is not here yet, and forget what it does not need. Never rejects: what is wrong with a module, `make` says. */
  async load(snapshot: Snapshot): Promise<void> {
    const modules = new Map<string, Make | Error>()
    for (const { policy, shadow } of snapshot.clusters) {
      for (const url of [policy.module, shadow?.module]) {
        if (url === undefined || modules.has(url)) continue
        const known = this.#modules.get(url)
        modules.set(url, typeof known === 'function' ? known : await importMaker(url))
      }
    }
    this.#modules = modules
  }

  make(spec: PolicySpec): Policy {
    if (spec.module === undefined) return makePolicy(spec)
    const make = this.#modules.get(spec.module)
    if (make === undefined) throw new Error(`${spec.name} was not loaded`)
    if (make instanceof Error) throw make
    return make(spec.options)
  }
}

async function importMaker(url: string): Promise<Make | Error> {
  try {
    if ((await moduleUrl(fileURLToPath(url))) !== url)
      return new Error('its file has changed since it was loaded: reload the configuration')
    const module = (await import(url)) as { readonly policy?: unknown }
    return typeof module.policy === 'function' ? (module.policy as Make) : new Error('it exports no policy')
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}

/** The URL of a module as it is now: another one when its file is. Rejects if the file cannot be read, or is too large for a module. */
export async function moduleUrl(path: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readBounded(path, MAX_MODULE))
    .digest('hex')
  const url = pathToFileURL(path)
  url.search = `?v=${hash.slice(0, 16)}`
  return url.href
}
