/**
 * Whom the clients talk to. Each peer gets the best its free version has for this: two choices by connections or least connections,
 * retries on another server, ejection by errors seen, active checks where it has them, slow start.
 */
export type FleetInput = {
  readonly port: number
  readonly backends: readonly number[]
  readonly folder: string
}

const servers = (c: FleetInput, line: (port: number, index: number) => string): string =>
  c.backends.map(line).join('\n')

const nginx = (balance: string) => (c: FleetInput) =>
  `
${process.getuid?.() === 0 ? 'user root root;' : ''}
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid ${c.folder}/nginx.pid;
error_log /dev/null crit;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${c.folder}/body;
  proxy_temp_path ${c.folder}/proxy;
  fastcgi_temp_path ${c.folder}/fastcgi;
  uwsgi_temp_path ${c.folder}/uwsgi;
  scgi_temp_path ${c.folder}/scgi;
  upstream fleet {
    zone fleet 256k;
    ${balance}
${servers(c, (port) => `    server 127.0.0.1:${port} max_fails=3 fail_timeout=5s;`)}
    keepalive 512;
  }
  server {
    listen 127.0.0.1:${c.port} backlog=4096;
    location / {
      proxy_pass http://fleet;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream error timeout http_503;
      proxy_next_upstream_tries 2;
    }
  }
}
`

const haproxy = (balance: string) => (c: FleetInput) =>
  `
global
  nbthread 1
  no strict-limits
  maxconn 10000
defaults
  mode http
  timeout connect 4s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  http-reuse always
  retries 1
  option redispatch 1
  retry-on conn-failure empty-response 503
frontend web
  bind 127.0.0.1:${c.port} backlog 4096
  maxconn 10000
  default_backend fleet
backend fleet
  balance ${balance}
  option httpchk GET /health
  default-server check inter 1s fall 3 rise 2 observe layer7 error-limit 5 on-error mark-down slowstart 5s
${servers(c, (port, index) => `  server s${index} 127.0.0.1:${port}`)}
`

const weir = (balance: string) => (c: FleetInput) =>
  `
shards: 2
listeners:
  web: { bind: 127.0.0.1:${c.port} }
routes:
  - { cluster: fleet }
clusters:
  fleet:
    ${balance}
    endpoints: [${c.backends.map((port) => `127.0.0.1:${port}`).join(', ')}]
`

/** All that is on by the word `on`, with times that suit phases of seconds, as the peers' are set. */
const GUARDED = `
    health: { http: { path: /health }, interval: 1s }
    outliers:
      connect: on
      http: on
      latency: { window: 10s, minRequests: 50 }
      ejection: 5s
      maxEjected: 50%
    slowStart: 5s
    retry: { attempts: 1, on: [connect, reset, 503] }`

export type FleetContender = {
  readonly name: string
  readonly program: 'weir' | 'nginx' | 'haproxy'
  readonly config: (input: FleetInput) => string
}

export const fleetContenders: readonly FleetContender[] = [
  { name: 'weir p2c, guarded', program: 'weir', config: weir(`policy: p2c${GUARDED}`) },
  { name: 'weir peak-ewma, guarded', program: 'weir', config: weir(`policy: peak-ewma${GUARDED}`) },
  { name: 'weir p2c, as it comes', program: 'weir', config: weir('policy: p2c') },
  { name: 'weir round-robin', program: 'weir', config: weir('policy: round-robin') },
  { name: 'nginx random two', program: 'nginx', config: nginx('random two least_conn;') },
  { name: 'nginx least_conn', program: 'nginx', config: nginx('least_conn;') },
  { name: 'haproxy leastconn', program: 'haproxy', config: haproxy('leastconn') },
  { name: 'haproxy random(2)', program: 'haproxy', config: haproxy('random(2)') },
]
