/**
 * IP addresses as text. IPv4: four decimal numbers without leading zeros (what `inet_pton` takes, not `inet_aton`). IPv6: RFC 4291 §2.2,
 * no zone; printed as RFC 5952 says, so that two spellings of one address compare equal.
 */

/** The four bytes, or undefined. */
export function parseIpv4(text: string): readonly number[] | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined
  const bytes = text.split('.').map(Number)
  return bytes.every((byte) => byte < 256) ? bytes : undefined
}

/** The eight 16-bit groups, or undefined. Without brackets. */
export function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split('::')
  if (text.length > 45 || halves.length > 2) return undefined
  const head = groupsOf(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail]
}

/** Groups of one side of `::`; the last of the address may be written as IPv4. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [at, part] of parts.entries()) {
    const v4 = last && at === parts.length - 1 ? parseIpv4(part) : undefined
    if (v4 !== undefined) groups.push(v4[0]! * 256 + v4[1]!, v4[2]! * 256 + v4[3]!)
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

/** Lower case, no leading zeros, the first longest run of two or more zero groups as `::`; IPv4-mapped ones end in dotted form. */
export function formatIpv6(groups: readonly number[]): string {
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (mapped)
    return `::ffff:${[groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')}`
  const { start, length } = longestZeroRun(groups)
  const hex = groups.map((group) => group.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}
