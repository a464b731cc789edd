/**
 * Paths of the admin API: `/api/v1/clusters/{cluster}` matches one segment, `{address*}` at the end the rest, slashes included, so that
 * `unix:/run/x.sock` may be written as it is or percent-encoded.
 */
export type PathParams = Readonly<Record<string, string>>

/** What a target names, query and fragment apart. */
export function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const [beforeFragment = ''] = target.split('#', 1)
  const mark = beforeFragment.indexOf('?')
  if (mark === -1) return { path: beforeFragment, query: new URLSearchParams() }
  return { path: beforeFragment.slice(0, mark), query: new URLSearchParams(beforeFragment.slice(mark + 1)) }
}

/** The parameters, decoded, if `path` is one of `template`'s; undefined if not, or if a parameter is empty or no valid percent-encoding. */
export function matchPath(template: string, path: string): PathParams | undefined {
  const wanted = template.split('/')
  const given = path.split('/')
  const open = wanted.at(-1)?.endsWith('*}') === true
  if (open ? given.length < wanted.length : given.length !== wanted.length) return undefined
  const params: Record<string, string> = {}
  for (const [at, segment] of wanted.entries()) {
    const name = /^\{(\w+)\*?\}$/.exec(segment)?.[1]
    if (name === undefined) {
      if (segment !== given[at]) return undefined
      continue
    }
    const value = decoded(open && at === wanted.length - 1 ? given.slice(at).join('/') : (given[at] ?? ''))
    if (value === undefined || value === '') return undefined
    params[name] = value
  }
  return params
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
