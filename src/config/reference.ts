/** The reference documentation, out of the schema: every key, its type, default, meaning and reason, and HAProxy's name. */
import { builtFields, isRequired } from './schema/fields.ts'
import { FORMATS } from './schema/formats.ts'
import { ROOT } from './schema/root.ts'
import type { ObjectSchema, Schema } from './schema/types.ts'

type Row = { readonly key: string; readonly schema: Schema; readonly required: boolean }

const INTRO = `# Configuration

YAML 1.2 (JSON is YAML), one mapping. Durations are whole numbers with a unit, \`250ms\`, \`10s\`, \`5m\`, \`24h\`; sizes are
\`512B\`, \`8KiB\`, \`1MiB\`, \`2GiB\` or a bare number of bytes. Unknown keys are errors. \`weir check\` says all that is wrong at once.
The last column is what HAProxy calls the same thing.
`

/** Markdown. */
export function formatReference(): string {
  const sections = Object.entries(ROOT.fields).flatMap(([key, schema]) =>
    schema.kind === 'planned' ? [] : [section(key, schema)],
  )
  const planned = [...plannedNames(ROOT)].toSorted().map((name) => `\`${name}\``)
  const closing = `## Not built yet\n\nThese names are taken, and refused for now: ${planned.join(', ')}.\n`
  return [INTRO, ...sections, closing].join('\n')
}

function section(key: string, schema: Schema): string {
  const rows = rowsOf(schema, placeOf(key, schema))
  const own: Row = { key, schema, required: isRequired(schema) }
  const table = [
    '| key | type | default | meaning | HAProxy |',
    '|---|---|---|---|---|',
    ...[own, ...rows].map(formatRow),
  ]
  return `## \`${key}\`\n\n${table.join('\n')}\n`
}

/** `clusters.<name>.` before the keys of an entry, `routes[].` before those of an item. */
function placeOf(key: string, schema: Schema): string {
  if (schema.kind === 'map') return `${key}.<${schema.entry}>`
  return schema.kind === 'list' ? `${key}[]` : key
}

function rowsOf(schema: Schema, place: string): readonly Row[] {
  if (schema.kind === 'list' || schema.kind === 'map') return rowsOf(schema.of, place)
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
  return Array.isArray(schema.default) ? '`[]`' : `\`${String(schema.default)}\``
}

function typeText(schema: Schema): string {
  switch (schema.kind) {
    case 'duration':
      return 'duration'
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

function objectText(schema: ObjectSchema): string {
  return schema.short === undefined ? 'mapping' : `\`${schema.short}\`, or a mapping`
}

function itemText(schema: Schema): string {
  return schema.kind === 'object' && schema.short === undefined ? 'mappings' : typeText(schema)
}

function plannedNames(schema: Schema): ReadonlySet<string> {
  if (schema.kind === 'list' || schema.kind === 'map') return plannedNames(schema.of)
  if (schema.kind === 'enum') return new Set(schema.planned)
  if (schema.kind !== 'object') return new Set()
  const names = Object.entries(schema.fields).flatMap(([key, field]) =>
    field.kind === 'planned' ? [key] : [...plannedNames(field)],
  )
  return new Set(names)
}
