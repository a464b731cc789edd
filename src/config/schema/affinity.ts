/** The schema of what ties requests to endpoints: hash keys and sticky sessions. */
export const hashKey = {
  kind: 'object',
  short: 'by',
  optional: true,
  doc: 'What the hashing policies hash: one of `client-ip`, `path`, `host`, `{ header: x-user }`, `{ cookie: session }`, `{ query: id }`. A request that lacks it gets an endpoint at random.',
  haproxy: 'balance hash',
  fields: {
    by: {
      kind: 'enum',
      values: ['client-ip', 'path', 'host'],
      optional: true,
      doc: 'A part that every request has.',
    },
    header: { kind: 'text', format: 'fieldName', optional: true, doc: 'The value of a header field.' },
    cookie: { kind: 'text', format: 'cookieName', optional: true, doc: 'The value of a cookie.' },
    query: {
      kind: 'text',
      format: 'parameter',
      optional: true,
      doc: 'The value of a parameter in the query, as it stands there.',
    },
  },
} as const

export const sticky = {
  kind: 'object',
  toggle: true,
  default: 'off',
  why: 'Sessions that live in one server are lost with it: better not to need them.',
  doc: 'Sessions stay at their endpoint, by a signed cookie of ours, as long as it may be picked.',
  haproxy: 'cookie insert',
  fields: {
    cookie: {
      kind: 'text',
      format: 'cookieName',
      optional: true,
      doc: 'Name of the cookie. Absent: `weir-` and the name of the cluster.',
    },
    ttl: {
      kind: 'duration',
      min: '1s',
      optional: true,
      doc: 'How long the cookie holds. Absent: until the browser is closed.',
      haproxy: 'maxlife',
    },
    key: {
      kind: 'text',
      format: 'secret',
      secret: true,
      optional: true,
      doc: 'The secret it is signed with. All proxies that serve the same sessions need the same. Absent, and no file nor variable: one drawn at every start.',
      haproxy: 'dynamic-cookie-key',
    },
    keyFile: {
      kind: 'text',
      format: 'file',
      optional: true,
      doc: 'A file that holds the secret, relative to the configuration.',
    },
    keyEnv: {
      kind: 'text',
      format: 'variable',
      optional: true,
      doc: 'A variable of the environment that holds the secret.',
    },
  },
} as const
