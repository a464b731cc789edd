/**
 * The peers' configurations. Equal work is the law: every one resets X-Forwarded-For, -Proto, -Host and X-Request-Id
 * toward the backend, adds Via, answers with the request id, and keeps connections to the backend open. verify.ts
 * proves it before anything is measured. The tuning is the kindest to each that was found; bench/README.md says why.
 */

export type ConfigInput = {
  readonly port: number
  readonly backendPort: number
  readonly folder: string
  /** Where the access log goes; undefined = none. */
  readonly logPath: string | undefined
  readonly shards: number
  /** Client connections it must hold. */
  readonly connections: number
  /** Further backends, and what stands in weir's cluster besides them: only the balance section has these. */
  readonly morePorts: readonly number[]
  readonly clusterKeys: string
}

const nginxLogFormat =
  `$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" ` +
  `$request_time $upstream_connect_time $upstream_response_time $upstream_addr $request_id`

export const nginxConfig = (c: ConfigInput): string => `
${process.getuid?.() === 0 ? 'user root root;' : ''}
worker_processes 1;
worker_rlimit_nofile ${c.connections + 2000};
daemon off;
pid ${c.folder}/nginx.pid;
error_log stderr warn;
events { worker_connections ${c.connections + 1024}; multi_accept on; }
http {
  log_format full '${nginxLogFormat}';
  access_log ${c.logPath === undefined ? 'off' : `${c.logPath} full buffer=64k flush=1s`};
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  tcp_nodelay on;
  client_max_body_size 0;
  client_body_buffer_size 32k;
  client_body_temp_path ${c.folder}/nginx-body;
  proxy_temp_path ${c.folder}/nginx-proxy;
  fastcgi_temp_path ${c.folder}/nginx-fastcgi;
  uwsgi_temp_path ${c.folder}/nginx-uwsgi;
  scgi_temp_path ${c.folder}/nginx-scgi;
  upstream backend {
    server 127.0.0.1:${c.backendPort};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    listen 127.0.0.1:${c.port} reuseport backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_buffer_size 16k;
      proxy_buffers 8 32k;
      proxy_busy_buffers_size 64k;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header Via "1.1 nginx";
      add_header X-Request-Id $request_id;
    }
  }
}
`

export const haproxyConfig = (c: ConfigInput): string => `
global
  nbthread 1
  no strict-limits
  maxconn ${c.connections + 256}
${c.logPath === undefined ? '' : '  log stdout format raw local0'}

defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
  http-reuse always
${c.logPath === undefined ? '' : '  log global\n  option httplog'}

frontend web
  bind 127.0.0.1:${c.port} backlog 4096
  maxconn ${c.connections + 256}
  unique-id-format %[uuid()]
  http-request set-header x-forwarded-for %[src]
  http-request set-header x-forwarded-proto http
  http-request set-header x-forwarded-host %[req.hdr(host)]
  http-request set-header x-request-id %[unique-id]
  http-request set-header via "1.1 haproxy"
  http-response set-header x-request-id %[unique-id]
  default_backend origin

backend origin
  balance roundrobin
  server origin 127.0.0.1:${c.backendPort} pool-max-conn 512
`

export const weirConfig = (c: ConfigInput): string => `
shards: ${c.shards}
accessLog: ${c.logPath === undefined ? 'off' : JSON.stringify(c.logPath)}
listeners:
  web:
    bind: 127.0.0.1:${c.port}
    timeouts: { keepAlive: 600s }
    limits: { body: 64MiB }
routes:
  - { cluster: origin }
clusters:
  origin:
    ${c.clusterKeys}
    endpoints: [${[c.backendPort, ...c.morePorts].map((port) => `127.0.0.1:${port}`).join(', ')}]
`
