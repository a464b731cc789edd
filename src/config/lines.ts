/** Offsets in a text → lines and columns, both from 1; columns in UTF-16 units, as editors count. */
export type Position = { readonly line: number; readonly column: number }

export class Lines {
  /** Offset of the first character of each line. */
  private readonly starts: readonly number[]
  private readonly length: number

  constructor(text: string) {
    const starts = [0]
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
    this.starts = starts
    this.length = text.length
  }

  /** An offset outside of the text counts as its nearest end. */
  position(offset: number): Position {
    const at = Math.min(Math.max(offset, 0), this.length)
    let low = 0
    let high = this.starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.starts[middle]! <= at) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: at - this.starts[low]! + 1 }
  }
}
