/** An answer of a door (`http-door.ts`), whole. */
export type DoorReply = {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

export function titleOf(status: number): string {
  return TITLES[status] ?? 'Error'
}

/** RFC 9457. The type is a name, not an address to fetch. */
export function problem(
  status: number,
  type: string,
  detail: string,
  more: Readonly<Record<string, unknown>> = {},
): DoorReply {
  const body = { type: `urn:weir:problem:${type}`, title: titleOf(status), status, detail, ...more }
  return { status, type: 'application/problem+json', body: `${JSON.stringify(body, null, 2)}\n` }
}
