/** What a parser of one value answers: the value, or what is wrong in words that finish "expected …" or stand alone. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string }

export function ok<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

export function bad(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why }
}
