/** The reference documentation, out of the schema: every key, its type, default, meaning and reason, and HAProxy's name. */
import { builtFields, isRequired } from './schema/fields.ts'
import { FORMATS } from './schema/formats.ts'
import { ROOT } from './schema/root.ts'
import type { ObjectSchema, Schema, VariantsSchema } from './schema/types.ts'

type Row = { readonly key: string; readonly schema: Schema; readonly required: boolean }

const INTRO = `# Configuration

YAML 1.2 (JSON is YAML), one mapping. Durations are whole numbers with a unit, \`250ms\`, \`10s\`, \`5m\`, \`24h\`; sizes are
\`512B\`, \`8KiB\`, \`1MiB\`, \`2GiB\` or a bare number of bytes. Unknown keys are errors. \`weir check\` says all that is wrong at once.
The last column is what HAProxy calls the same thing.
`

const TABLE = ['| key | type | default | meaning | HAProxy |', '|---|---|---|---|---|']

/** Markdown. */
export function formatReference(): string {
  const sections = Object.entries(ROOT.fields).flatMap(([key, schema]) =>
    schema.kind === 'planned' ? [] : [section(key, schema)],
  )
  const variants = [...new Map(variantsIn(ROOT).map((schema) => [schema.variants, schema])).values()]
  const planned = plannedNames(ROOT, '').map((name) => `\`${name}\``)
  const closing = `## Not built yet\n\nThese have their names, and are refused for now: ${planned.join(', ')}.\n`
  return [INTRO, ...sections, ...variants.map(variantsSection), closing].join('\n')
}

/** Every one in the schema; those that share their variants are described once. */
function variantsIn(schema: Schema): readonly VariantsSchema[] {
  if (schema.kind === 'variants') return [schema]
  if (schema.kind === 'map' || schema.kind === 'list') return variantsIn(schema.of)
  return schema.kind === 'object' ? builtFields(schema.fields).flatMap(([, field]) => variantsIn(field)) : []
}

/** The names to choose from, each with the options that belong to it. */
function variantsSection({ entry, variants }: VariantsSchema): string {
  const rows = Object.entries(variants).flatMap(([name, { doc, haproxy = '', fields }]) => [
    `| **${name}** | | | ${doc} | ${haproxy === '' ? '' : `\`${haproxy}\``} |`,
    ...builtFields(fields).map(([key, schema]) =>
      formatRow({ key: `${name}.${key}`, schema, required: false }),
    ),
  ])
  return `## Which ${entry}\n\n${[...TABLE, ...rows].join('\n')}\n`
}

function section(key: string, schema: Schema): string {
  const rows = rowsOf(schema, placeOf(key, schema))
  const own: Row = { key, schema, required: isRequired(schema) }
  return `## \`${key}\`\n\n${[...TABLE, ...[own, ...rows].map(formatRow)].join('\n')}\n`
}

/** `clusters.<name>.` before the keys of an entry, `routes[].` before those of an item. */
function placeOf(key: string, schema: Schema): string {
  if (schema.kind === 'map') return `${key}.<${schema.entry}>`
  return schema.kind === 'list' ? `${key}[]` : key
}

function rowsOf(schema: Schema, place: string): readonly Row[] {
  if (schema.kind === 'list' || schema.kind === 'map') return rowsOf(schema.of, place)
  if (schema.kind === 'variants') return []
  if (schema.kind !== 'object') return []
  return builtFields(schema.fields).flatMap(([key, field]) => {
    const path = `${place}.${key}`
    const row: Row = { key: path, schema: field, required: isRequired(field) }
    return [row, ...rowsOf(field, placeOf(path, field))]
  })
}

function formatRow({ key, schema, required }: Row): string {
  const reason = schema.why === undefined ? '' : ` *${schema.why}*`
  const haproxy = schema.haproxy === undefined ? '' : `\`${schema.haproxy}\``
  const cells = [
    `\`${key}\``,
    typeText(schema),
    defaultText(schema, required),
    `${schema.doc ?? ''}${reason}`,
    haproxy,
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`
}

function defaultText(schema: Schema, required: boolean): string {
  if (required) return '**required**'
  if (schema.default === undefined) return ''
  const { default: value } = schema
  return Array.isArray(value) ? `\`[${value.join(', ')}]\`` : `\`${String(value)}\``
}

function typeText(schema: Schema): string {
  switch (schema.kind) {
    case 'duration':
      return schema.off ? 'duration, or `off`' : 'duration'
    case 'ratio':
      return `share, ${percent(schema.min)} to ${percent(schema.max)}${schema.off ? ', or `off`' : ''}`
    case 'switch':
      return `${schema.word === undefined ? '' : `\`${schema.word}\`, `}\`on\` or \`off\``
    case 'variants':
      return `name of a ${schema.entry}, ${FORMATS[schema.other].title}, or a mapping with \`name\` and its options`
    case 'size':
      return `size, ${schema.min} to ${schema.max}${schema.unlimited ? ', or `unlimited`' : ''}`
    case 'integer':
      return `${schema.word === undefined ? '' : `\`${schema.word}\` or `}${schema.min} to ${schema.max}`
    case 'number':
      return `${schema.min} to ${schema.max}`
    case 'text':
      return FORMATS[schema.format].title
    case 'enum':
      return schema.values.map((value) => `\`${value}\``).join(', ')
    case 'list':
      return schema.single ? `${itemText(schema.of)}, or a list of them` : `list of ${itemText(schema.of)}`
    case 'map':
      return `mapping, at most ${schema.max}`
    default:
      return objectText(schema)
  }
}

/** A short form is described by the key it stands for. */
function objectText(schema: ObjectSchema): string {
  const short = shortOf(schema)
  const words = [...(schema.toggle ? ['`on`, `off`'] : []), ...(short === undefined ? [] : [typeText(short)])]
  return words.length === 0 ? 'mapping' : `${words.join(', ')}, or a mapping`
}

/** 1.25 → `125%`, without what binary fractions add. */
function percent(share: number): string {
  return `${Number((share * 100).toFixed(6))}%`
}

function itemText(schema: Schema): string {
  if (schema.kind === 'object' && shortOf(schema) === undefined) return 'mappings'
  return schema.kind === 'text' ? FORMATS[schema.format].title : typeText(schema)
}

function shortOf(schema: ObjectSchema): Schema | undefined {
  const field = schema.short === undefined ? undefined : schema.fields[schema.short]
  return field === undefined || field.kind === 'planned' ? undefined : field
}

/** Paths of the keys, and values of enumerations, that are refused for now. */
function plannedNames(schema: Schema, place: string): readonly string[] {
  if (schema.kind === 'map' || schema.kind === 'list') return plannedNames(schema.of, placeOf(place, schema))
  if (schema.kind === 'enum')
    return schema.planned === undefined ? [] : [`${place}: ${schema.planned.join(' | ')}`]
  if (schema.kind !== 'object') return []
  return Object.entries(schema.fields).flatMap(([key, field]) => {
    const path = place === '' ? key : `${place}.${key}`
    return field.kind === 'planned' ? [path] : plannedNames(field, path)
  })
}
