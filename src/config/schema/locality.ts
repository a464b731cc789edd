/** The schema of which endpoints are near, and of how many are used at all. */
export const locality = {
  kind: 'object',
  short: 'mode',
  doc: 'Which endpoints are preferred for being near.',
  fields: {
    mode: {
      kind: 'enum',
      values: ['none', 'zone', 'weights', 'nearest'],
      default: 'none',
      why: 'A configuration that names no zones has none to prefer.',
      doc: '`none`: all alike. `zone`: our own as far as its share allows, so that no zone gets more than it can carry. `weights`: as `weights` says. `nearest`: the first value of `order` that has endpoints left.',
    },
    weights: {
      kind: 'map',
      of: { kind: 'number', min: 0, max: 1_000_000, doc: 'A weight.' },
      entry: 'weight',
      max: 256,
      doc: 'For `weights`: the share of each zone.',
    },
    proxies: {
      kind: 'map',
      of: { kind: 'number', min: 0, max: 1_000_000, doc: 'A weight.' },
      entry: 'weight',
      max: 256,
      doc: 'For `zone`: the share of the proxies in each zone. Absent: as the endpoints are spread.',
    },
    minSize: {
      kind: 'integer',
      min: 1,
      max: 16_384,
      default: 6,
      why: 'Envoy’s: a zone of one or two servers is no zone to rely on.',
      doc: 'For `zone`: endpoints below which zones are not heeded.',
    },
    label: {
      kind: 'text',
      format: 'name',
      optional: true,
      doc: 'For `nearest`: the label by which endpoints are near or far.',
    },
    order: {
      kind: 'list',
      of: { kind: 'text', format: 'name', doc: 'A value of the label.' },
      max: 64,
      default: [],
      why: 'Only you know what is near.',
      doc: 'For `nearest`: the values of the label, the nearest first. Endpoints with another value come last.',
    },
  },
} as const

export const subset = {
  kind: 'object',
  short: 'size',
  toggle: true,
  default: 'off',
  why: 'Every proxy uses every endpoint until the connections between many proxies and many endpoints cost too much.',
  doc: 'Use only so many of the endpoints, chosen for good by the seed.',
  fields: {
    size: {
      kind: 'integer',
      min: 1,
      max: 16_384,
      default: 20,
      why: 'Enough to be balanced over when some are down.',
      doc: 'How many.',
    },
    seed: {
      kind: 'integer',
      word: 'auto',
      min: 0,
      max: 4_294_967_295,
      default: 'auto',
      why: 'Proxies with the same seed choose the same endpoints, and all others idle: the name of the machine differs.',
      doc: 'Another seed, another choice; `auto`: by the name of this machine.',
    },
  },
} as const

export const panic = {
  kind: 'ratio',
  min: 0,
  max: 1,
  off: true,
  default: '50%',
  why: 'Envoy’s: if half seem ill, the checks are the likelier patient, and the other half would break under the load.',
  doc: 'Share of healthy endpoints below which health is not heeded any more, so that some requests succeed; `off`: never.',
} as const
