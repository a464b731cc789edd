/**
 * The language in which the schema is written: plain data, one shape per kind of value. Everything else about configuration is an
 * interpreter of it: `Infer` (the TypeScript type), `read` (checking, defaults), `print`, `formatReference`, `jsonSchema`.
 *
 * Why our own and no library: a validator with positions, units, planned keys, reasons for defaults and HAProxy's names would be
 * a library bent out of shape and a second description beside it. Why data and no combinator functions: `as const` literals need no
 * annotation that repeats them, and what is data can be walked by an interpreter not thought of yet.
 */
import type { TextFormat } from './formats.ts'

/** What every field of an object may say beside its kind. */
export type Meta = {
  /** What it is: one sentence or two, Markdown. */
  readonly doc?: string
  /** As the operator would write it. Without one the key is required, unless `optional`, or an object or a map (then: an empty one). */
  readonly default?: string | number | boolean | readonly string[]
  /** Why this default. */
  readonly why?: string
  /** May be absent, and absent means something. */
  readonly optional?: true
  /** HAProxy's name for the same thing. */
  readonly haproxy?: string
}

/** Whole milliseconds in memory. `min` and `max` as written; at least 1ms and at most 30 days by themselves. With `off`, that word is 0. */
export type DurationSchema = Meta & {
  readonly kind: 'duration'
  readonly min?: string
  readonly max?: string
  readonly off?: true
}

/** Bytes in memory. With `unlimited`, that word is Infinity. */
export type SizeSchema = Meta & {
  readonly kind: 'size'
  readonly min: string
  readonly max: string
  readonly unlimited?: true
}

/** A whole number, or the `word` (kept as that word). */
export type IntegerSchema = Meta & {
  readonly kind: 'integer'
  readonly min: number
  readonly max: number
  readonly word?: string
}

/** Any number in a closed range. */
export type NumberSchema = Meta & { readonly kind: 'number'; readonly min: number; readonly max: number }

/** A share or a factor, written as a percentage (`20%`) or as a number (`0.2`), kept as a number. With `off`, that word is 0. */
export type RatioSchema = Meta & {
  readonly kind: 'ratio'
  readonly min: number
  readonly max: number
  readonly off?: true
}

/** `on` or `off` (`true` or `false`), or the `word`, kept as that word. */
export type SwitchSchema = Meta & { readonly kind: 'switch'; readonly word?: string }

/** A string in one of the formats, kept in its canonical spelling. A `secret` is never shown, not even where it is wrong. */
export type TextSchema = Meta & {
  readonly kind: 'text'
  readonly format: TextFormat
  readonly secret?: true
  /** A whole number is its digits: `200` needs no quotes. */
  readonly digits?: true
}

/** One of some words; `planned` ones are known but refused. */
export type EnumSchema = Meta & {
  readonly kind: 'enum'
  readonly values: readonly string[]
  readonly planned?: readonly string[]
  /** A whole number is its digits: `503` needs no quotes. */
  readonly digits?: true
}

/** A list. With `single`, one item may stand alone. */
export type ListSchema = Meta & {
  readonly kind: 'list'
  readonly of: Schema
  readonly min?: number
  readonly max: number
  readonly single?: true
}

/** Names chosen by the operator → values, in the order of the file. */
export type MapSchema = Meta & {
  readonly kind: 'map'
  readonly of: Schema
  /** What one entry is called in messages. */
  readonly entry: string
  readonly min?: number
  readonly max: number
}

/**
 * Fixed keys. With `short`, a scalar stands for an object with that one key. With `toggle`, `on` (or nothing behind the key) stands for an
 * object of defaults, and `off` for none: kept as that word.
 */
export type ObjectSchema = Meta & {
  readonly kind: 'object'
  readonly fields: Fields
  readonly short?: string
  readonly toggle?: true
}

/**
 * A thing by its name and the options that belong to this name: each variant has its own keys beside `name`. A name that stands alone is
 * the thing with its defaults. A name that is none of the variants but of the format `other` may have any options, as plain scalars.
 */
export type VariantsSchema = Meta & {
  readonly kind: 'variants'
  /** What one is called in messages. */
  readonly entry: string
  readonly variants: Readonly<Record<string, Variant>>
  readonly other: TextFormat
}

export type Variant = { readonly doc: string; readonly haproxy?: string; readonly fields: Fields }

/** What a `VariantsSchema` reads. */
export type Chosen = { readonly name: string; readonly options: ChosenOptions }
export type ChosenOptions = Readonly<Record<string, number | string | boolean>>

/** A key that has its name and its place, but is not built yet: refused as such. */
export type PlannedSchema = { readonly kind: 'planned' }

export type Fields = { readonly [key: string]: Schema | PlannedSchema }

export type Schema =
  | DurationSchema
  | SizeSchema
  | IntegerSchema
  | NumberSchema
  | RatioSchema
  | SwitchSchema
  | TextSchema
  | EnumSchema
  | ListSchema
  | MapSchema
  | ObjectSchema
  | VariantsSchema

/** The type of what a schema reads, all defaults filled in. */
export type Infer<S> = S extends { readonly kind: 'duration' | 'size' | 'number' | 'ratio' }
  ? number
  : S extends { readonly kind: 'integer' }
    ? S extends { readonly word: infer W }
      ? number | W
      : number
    : S extends { readonly kind: 'switch' }
      ? S extends { readonly word: infer W }
        ? boolean | W
        : boolean
      : S extends { readonly kind: 'text' }
        ? string
        : S extends { readonly kind: 'variants' }
          ? Chosen
          : S extends { readonly kind: 'enum'; readonly values: readonly (infer V)[] }
            ? V
            : S extends { readonly kind: 'list'; readonly of: infer I }
              ? readonly Infer<I>[]
              : S extends { readonly kind: 'map'; readonly of: infer I }
                ? ReadonlyMap<string, Infer<I>>
                : S extends { readonly kind: 'object'; readonly fields: infer F }
                  ? S extends { readonly toggle: true }
                    ? InferFields<F> | 'off'
                    : InferFields<F>
                  : never

type InferFields<F> = {
  readonly [
    K in keyof F as F[K] extends { readonly kind: 'planned' } | { readonly optional: true } ? never : K
  ]: Infer<F[K]>
} & {
  readonly [K in keyof F as F[K] extends { readonly optional: true } ? K : never]?: Infer<F[K]>
}

/** The same with holes where the text was wrong: what the checks across keys look at, so that all diagnostics come at once. */
export type Draft<T> = T extends string | number | boolean
  ? T
  : T extends ReadonlyMap<string, infer V>
    ? ReadonlyMap<string, Draft<V> | undefined>
    : T extends readonly (infer V)[]
      ? readonly (Draft<V> | undefined)[]
      : { readonly [K in keyof T]?: Draft<T[K]> | undefined }
