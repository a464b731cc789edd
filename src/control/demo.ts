/** The demo: its configuration and its hints, as text. The backends behind it are `demo-backends.ts`. */
export type DemoPorts = { readonly port: number; readonly adminPort: number }

/** Addresses of the backends, by character. */
export type DemoBackends = {
  readonly quick: string
  readonly steady: string
  readonly slow: string
  readonly flaky: string
}

export function demoConfig({ port, adminPort }: DemoPorts, backends: DemoBackends): string {
  const { quick, steady, slow, flaky } = backends
  return `admin: { bind: 127.0.0.1:${adminPort} }
accessLog: stderr
listeners:
  web: { bind: 127.0.0.1:${port} }
routes:
  - { cluster: web }
  - { path: /slow, cluster: slow }
  - { path: /flaky, cluster: flaky }
clusters:
  web:
    endpoints:
      - { address: ${quick}, weight: 4 }
      - { address: ${steady}, weight: 2 }
      - { address: ${slow}, weight: 1 }
  slow: { endpoints: [${slow}] }
  flaky: { endpoints: [${flaky}] }
drain: { window: 1s, hard: 5s }
`
}

/** What to try, once it runs. `web` and `admin` are the addresses as bound. */
export function demoHints(web: string, admin: string): readonly string[] {
  return [
    '',
    'weir demo: three backends behind one proxy (quick, steady and slow, 4:2:1), and one that fails now and then. Try:',
    '',
    `  curl -i http://${web}/            one of the three answers; its name is in the body`,
    `  curl -i http://${web}/slow        about a quarter of a second`,
    `  curl -i http://${web}/flaky       every fourth answer is an error or breaks off midway`,
    `  curl -d hello http://${web}/echo  the body comes back`,
    `  for i in $(seq 20); do curl -s http://${web}/; done`,
    '',
    `  curl http://${admin}/api/v1/clusters   the endpoints: what each got and how it did`,
    `  curl http://${admin}/api/v1/shards     the shards`,
    `  curl http://${admin}/metrics           Prometheus metrics`,
    '',
    'Every request is logged here. Ctrl-C stops.',
    '',
  ]
}
