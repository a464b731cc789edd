/** "Did you mean …?" for misspelt keys and names. */

const LONGEST = 64

/**
 * Edits (insert, delete, replace, swap of neighbours) from one string to the other: the restricted Damerau–Levenshtein
 * distance, by three rows of its table.
 */
export function editDistance(from: string, to: string): number {
  let before: number[] = []
  let above = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const here = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let cost = Math.min(above[column]! + 1, here[column - 1]! + 1, above[column - 1]! + (same ? 0 : 1))
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (swapped) cost = Math.min(cost, before[column - 2]! + 1)
      here.push(cost)
    }
    before = above
    above = here
  }
  return above[to.length]!
}

/** The candidate nearest to what was written, if it is near: at most a third of its letters away, case aside. */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > LONGEST) return undefined
  const folded = fold(written)
  let best: string | undefined
  let bestDistance = Infinity
  for (const candidate of candidates) {
    const reach = Math.max(1, Math.floor(Math.max(written.length, candidate.length) / 3))
    if (Math.abs(candidate.length - written.length) > reach) continue
    const distance = editDistance(folded, fold(candidate))
    if (distance > reach || distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** `; did you mean "x"?`, or nothing. */
export function suggestion(written: string, candidates: Iterable<string>): string {
  const near = nearest(written, candidates)
  return near === undefined ? '' : `; did you mean "${near}"?`
}

/** `keep-alive`, `keep_alive` and `keepAlive` are the same misspelling of one key. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '')
}
