/** Every law, shown what breaks it and what only looks like it: a law that cannot fail says nothing. */
export type Case = {
  readonly law: RegExp
  /** Path → text. */
  readonly breaks: Readonly<Record<string, string>>
  /** The breach expected, as `path:line` and words of its message. */
  readonly says: RegExp
  readonly holds: Readonly<Record<string, string>>
}
