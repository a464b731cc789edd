import { basename, dirname, resolve } from 'node:path'

/** What all titles of ours begin with. */
export const TITLE = 'weir: '

/** For ps, and for whoever finds our port taken: which of our processes it is, of which configuration. What does not fit the system cuts off at the end, so the name comes first. */
export function processTitle(role: 'master' | 'data plane', config: string): string {
  const path = resolve(config)
  return `${TITLE}${role} ${basename(path)} (${dirname(path)})`
}
