/**
 * What a route's two strings mean. The one reading of them: the table is built from it, and two routes with the same
 * `routeKey` are duplicates, whatever their spelling.
 *
 *     host   undefined            any host
 *            api.example.com      that name; case and one trailing dot do not matter
 *            *.example.com        any name below it, at any depth, not the name itself
 *     path   undefined or `/`     any path, the asterisk of `OPTIONS *` included
 *            /v1 or /v1/          `/v1` and everything below `/v1/`, never `/v1x`
 *            =/v1                 that path, byte for byte
 */
import type { RouteSpec } from '../config/snapshot.ts'

export type HostPattern = { readonly kind: 'any' | 'exact' | 'below'; readonly text: string }
export type PathPattern = { readonly kind: 'any' | 'exact' | 'prefix'; readonly text: string }

/** `text` is lower case without a trailing dot; for `below` it is the name after `*.`. */
export function hostPattern(host: string | undefined): HostPattern {
  if (host === undefined) return { kind: 'any', text: '' }
  const lower = host.toLowerCase()
  const text = lower.endsWith('.') ? lower.slice(0, -1) : lower
  return text.startsWith('*.') ? { kind: 'below', text: text.slice(2) } : { kind: 'exact', text }
}

/** `text` of a prefix has no trailing slash, so that one spelling of it exists. Throws on a path that starts with neither `/` nor `=/`. */
export function pathPattern(path: string | undefined): PathPattern {
  if (path === undefined || path === '/') return { kind: 'any', text: '' }
  if (path.startsWith('=/')) return { kind: 'exact', text: path.slice(1) }
  if (!path.startsWith('/')) throw new Error(`a route's path starts with "/" or "=/": ${path}`)
  return { kind: 'prefix', text: path.endsWith('/') ? path.slice(0, -1) : path }
}

/** Equal for two routes exactly when they match the same requests equally specifically. */
export function routeKey(route: Pick<RouteSpec, 'host' | 'path'>): string {
  const host = hostPattern(route.host)
  const path = pathPattern(route.path)
  return `${host.kind} ${host.text} ${path.kind} ${path.text}`
}
