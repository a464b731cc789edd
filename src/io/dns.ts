import { Resolver as DnsResolver, lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { codeOf } from '../actor/errors.ts'

/**
 * Names to addresses with the time the answer is good for. In the order of nsswitch's `files dns`, so that a name means
 * here what it means to every other program of the machine:
 *
 * 1. `localhost` and what ends in it: loopback, without asking anybody (RFC 6761 §6.3);
 * 2. the hosts file;
 * 3. DNS, A and AAAA at once, with their TTLs;
 * 4. getaddrinfo, for what only it knows (search domains, mDNS, other sources of nsswitch).
 *
 * The hosts file and getaddrinfo tell no TTL: their answers are good for `DEFAULT_TTL_MS`.
 */
export interface Resolver {
  /** Rejects with a coded error (`ENOTFOUND`, `ETIMEOUT`, …) when there is no address. */
  resolve(host: string): Promise<Answer>
}

export type Answer = {
  /** IP literals, IPv4 before IPv6, each kind sorted: the order in which servers rotate them means nothing here. */
  readonly addresses: readonly string[]
  readonly ttlMs: number
}

export const DEFAULT_TTL_MS = 30_000

export type ResolverOptions = {
  /** For one question to one server. */
  readonly timeoutMs: number
  readonly tries: number
  /** Servers to ask instead of the system's, `ip` or `ip:port`. */
  readonly servers?: readonly string[]
  readonly hostsFile?: string
}

export const RESOLVER_DEFAULTS: ResolverOptions = { timeoutMs: 1000, tries: 2, hostsFile: '/etc/hosts' }

export function systemResolver(options: ResolverOptions = RESOLVER_DEFAULTS): Resolver {
  const dns = new DnsResolver({ timeout: options.timeoutMs, tries: options.tries })
  if (options.servers !== undefined) dns.setServers(options.servers)
  return {
    async resolve(host) {
      const name = host.toLowerCase().replace(/\.$/, '')
      if (name === 'localhost' || name.endsWith('.localhost')) return answer(['127.0.0.1', '::1'])
      const listed = inHosts(await readHosts(options.hostsFile), name)
      return listed.length > 0 ? answer(listed) : ask(dns, name)
    },
  }
}

async function ask(dns: DnsResolver, name: string): Promise<Answer> {
  const [v4, v6] = await Promise.allSettled([
    dns.resolve4(name, { ttl: true }),
    dns.resolve6(name, { ttl: true }),
  ])
  const records = [v4, v6].flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  if (records.length > 0) {
    const ttlMs = Math.min(...records.map((record) => record.ttl)) * 1000
    return answer(
      records.map((record) => record.address),
      ttlMs,
    )
  }
  try {
    const found = await lookup(name, { all: true })
    return answer(found.map((entry) => entry.address))
  } catch (thrown) {
    // What DNS said is more telling than getaddrinfo's blanket answer, unless it merely does not know the name.
    const dnsFailure: unknown = v4.status === 'rejected' ? v4.reason : undefined
    throw codeOf(dnsFailure) === 'ETIMEOUT' ? dnsFailure : thrown
  }
}

function answer(addresses: readonly string[], ttlMs = DEFAULT_TTL_MS): Answer {
  const unique = [...new Set(addresses)]
  return { addresses: unique.toSorted((a, b) => family(a) - family(b) || (a < b ? -1 : 1)), ttlMs }
}

const family = (address: string): number => (address.includes(':') ? 6 : 4)

async function readHosts(file: string | undefined): Promise<string> {
  if (file === undefined) return ''
  try {
    return await readFile(file, 'latin1')
  } catch {
    return '' // hosts(5) is optional
  }
}

/** The addresses hosts(5) text gives a lower-case name. Exported for its test. */
export function inHosts(text: string, name: string): readonly string[] {
  const found: string[] = []
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (address !== undefined && names.some((listed) => listed.toLowerCase() === name)) found.push(address)
  }
  return found.filter((address) => !address.includes('%'))
}
