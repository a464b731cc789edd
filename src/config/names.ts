/** Which endpoints are names, to be resolved before a configuration is compiled. */
import type { Config } from './schema/root.ts'
import { parseAddress } from './values/address.ts'

/** The `host:port` endpoints, each once. */
export function namesToResolve(config: Config): readonly string[] {
  const names = new Set<string>()
  for (const { endpoints } of config.clusters.values()) {
    for (const { address } of endpoints) if (isName(address)) names.add(address)
  }
  return [...names]
}

export function isName(address: string): boolean {
  const parsed = parseAddress(address)
  return parsed.ok && parsed.value.kind === 'name'
}
