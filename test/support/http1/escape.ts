/** Bytes as text that a person can read and write: `\r \n \t \0 \\ \xHH`, everything else printable ASCII. */
const named: Readonly<Record<string, string>> = {
  '\r': '\\r',
  '\n': '\\n',
  '\t': '\\t',
  '\0': '\\0',
  '\\': '\\\\',
}

export function escapeBytes(bytes: Uint8Array): string {
  let out = ''
  for (const byte of bytes) {
    const char = String.fromCharCode(byte)
    out += named[char] ?? (byte >= 32 && byte < 127 ? char : `\\x${byte.toString(16).padStart(2, '0')}`)
  }
  return out
}

/** Inverse of `escapeBytes`. `\{text*n}` repeats, for limits. */
export function unescapeBytes(text: string): Uint8Array {
  const repeated = text.replace(/\\\{(.+?)\*(\d+)\}/gs, (_, unit: string, times: string) =>
    unit.repeat(Number(times)),
  )
  const plain = repeated.replace(/\\(x[0-9a-f]{2}|.)/gs, (_, code: string) => {
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
    const at = Object.values(named).indexOf(`\\${code}`)
    if (at < 0) throw new Error(`unknown escape \\${code}`)
    return Object.keys(named)[at]!
  })
  return Uint8Array.from(plain, (char) => char.charCodeAt(0))
}
