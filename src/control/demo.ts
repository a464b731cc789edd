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
explain: { sample: 100% }
listeners:
  web: { bind: 127.0.0.1:${port} }
routes:
  - { cluster: web }
  - { path: /slow, cluster: slow }
  - { path: /flaky, cluster: flaky }
clusters:
  web:
    policy: p2c
    endpoints: [${quick}, ${steady}, ${slow}]
    health: { http: /, interval: 2s }
    slowStart: 10s
  slow: { endpoints: [${slow}] }
  flaky: { endpoints: [${flaky}] }
drain: { window: 1s, hard: 5s }
`
}

/** What to try, once it runs. `web` and `admin` are the addresses as bound, `quick` that of a backend. */
export function demoHints(web: string, admin: string, quick: string): readonly string[] {
  return [
    '',
    'weir demo: three backends behind one proxy (2, 25 and 250 ms), checked every two seconds, and one that fails now and then.',
    'Each request goes to the less busy of two drawn at random (p2c): under load the quick one gets the most. Try:',
    '',
    `  curl -i http://${web}/            one of the three answers; its name is in the body`,
    `  curl -i http://${web}/slow        about a quarter of a second`,
    `  curl -i http://${web}/flaky       every fourth answer is an error or breaks off midway`,
    `  curl -d hello http://${web}/echo  the body comes back`,
    `  seq 300 | xargs -P 16 -I% curl -s http://${web}/ | sort | uniq -c   who got how many`,
    '',
    `  npx weir status --admin ${admin}         the endpoints: state, weight, load, errors`,
    `  curl http://${admin}/api/v1/clusters     the same as JSON`,
    `  npx weir explain --admin ${admin} <id>   why a request went where it went, by its x-request-id`,
    `  curl -X PATCH -H 'content-type: application/json' -d '{"admin":"drain"}' \\`,
    `    http://${admin}/api/v1/clusters/web/endpoints/${quick}   the others take over; "ready" undoes it`,
    `  curl http://${admin}/                    the whole admin API; /metrics for Prometheus`,
    '',
    'Every request is logged here. Ctrl-C stops.',
    '',
  ]
}
