/**
 * A JSON Schema (draft 2020-12) for editors, out of the schema: completion, hover texts, most mistakes underlined as one types.
 * It is necessary, not sufficient: what `parseConfig` accepts is valid by it, and `weir check` has the last word.
 */
import { builtFields, isRequired } from './schema/fields.ts'
import { FORMATS } from './schema/formats.ts'
import { ROOT } from './schema/root.ts'
import type { ObjectSchema, Schema, VariantsSchema } from './schema/types.ts'

export type JsonSchema = { readonly [key: string]: unknown }

const DURATION = String.raw`^\d{1,12}(ms|s|m|h)$`
const RATIO = String.raw`^\d{1,9}(\.\d{1,9})?%$`
const ON_OFF = ['on', 'off', true, false]
const SIZE = String.raw`^\d{1,16}(B|KiB|MiB|GiB|TiB)?$`

export function jsonSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'weir configuration',
    ...shape(ROOT),
  }
}

function described(schema: Schema): JsonSchema {
  const description = [
    schema.doc,
    schema.why && `Default: ${schema.why}`,
    schema.haproxy && `HAProxy: ${schema.haproxy}`,
  ]
  const text = description.filter((part) => part !== undefined).join('\n\n')
  return {
    ...(text === '' ? {} : { description: text }),
    ...(schema.default === undefined ? {} : { default: schema.default }),
    ...shape(schema),
  }
}

function shape(schema: Schema): JsonSchema {
  switch (schema.kind) {
    case 'duration':
      return orOff(schema, { type: 'string', pattern: DURATION })
    case 'ratio':
      return orOff(schema, {
        anyOf: [
          { type: 'number', minimum: schema.min, maximum: schema.max },
          { type: 'string', pattern: RATIO },
        ],
      })
    case 'switch':
      return { enum: schema.word === undefined ? ON_OFF : [schema.word, ...ON_OFF] }
    case 'variants':
      return variantsShape(schema)
    case 'size': {
      const sized = [
        { type: 'integer', minimum: 0 },
        { type: 'string', pattern: SIZE },
      ]
      return { anyOf: schema.unlimited ? [{ const: 'unlimited' }, ...sized] : sized }
    }
    case 'integer': {
      const integer = { type: 'integer', minimum: schema.min, maximum: schema.max }
      return schema.word === undefined ? integer : { anyOf: [{ const: schema.word }, integer] }
    }
    case 'number':
      return { type: 'number', minimum: schema.min, maximum: schema.max }
    case 'text': {
      const text = { type: 'string', pattern: FORMATS[schema.format].pattern }
      return schema.digits ? { anyOf: [{ type: 'integer' }, text] } : text
    }
    case 'enum':
      return { enum: schema.digits ? [...schema.values, ...numbersIn(schema.values)] : schema.values }
    case 'list': {
      const item = described(schema.of)
      const list = { type: 'array', items: item, minItems: schema.min ?? 0, maxItems: schema.max }
      return schema.single ? { anyOf: [item, list] } : list
    }
    case 'map':
      return {
        type: 'object',
        additionalProperties: described(schema.of),
        propertyNames: { pattern: FORMATS.name.pattern },
        minProperties: schema.min ?? 0,
        maxProperties: schema.max,
      }
    default:
      return objectShape(schema)
  }
}

function objectShape(schema: ObjectSchema): JsonSchema {
  const properties: Record<string, JsonSchema> = {}
  const required: string[] = []
  for (const [key, field] of builtFields(schema.fields)) {
    properties[key] = described(field)
    if (isRequired(field)) required.push(key)
  }
  const object = { type: 'object', properties, required, additionalProperties: false }
  const short = schema.short === undefined ? undefined : properties[schema.short]
  const words = schema.toggle ? [{ enum: [...ON_OFF, null] }] : []
  const others = [...words, ...(short === undefined ? [] : [short])]
  return others.length === 0 ? object : { anyOf: [...others, object] }
}

/** A name alone; or, for each variant, its name and its options. */
function variantsShape({ variants, other }: VariantsSchema): JsonSchema {
  const free = { type: 'string', pattern: FORMATS[other].pattern }
  const objects = Object.entries(variants).map(([name, { doc, fields }]) => ({
    description: doc,
    ...objectShape({ kind: 'object', fields: { name: { kind: 'enum', values: [name], doc }, ...fields } }),
  }))
  const anything = {
    type: 'object',
    properties: { name: free },
    required: ['name'],
    additionalProperties: { anyOf: [{ type: 'number' }, { type: 'string' }, { type: 'boolean' }] },
  }
  return { anyOf: [{ enum: Object.keys(variants) }, free, ...objects, anything] }
}

function numbersIn(words: readonly string[]): readonly number[] {
  return words.map(Number).filter((number) => !Number.isNaN(number))
}

function orOff(schema: { readonly off?: true }, rules: JsonSchema): JsonSchema {
  return schema.off ? { anyOf: [{ enum: ['off', false] }, rules] } : rules
}
