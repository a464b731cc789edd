import type { FleetNames } from './fleet-metrics.ts'

const NAME_MAX = 255
const encoder = new TextEncoder()

/** Slots → names (cut to 255 characters) as the bytes a line takes them in, rendered once. */
export class LogNames {
  readonly #render: (name: string) => string
  readonly #none: Uint8Array
  readonly #listeners: Uint8Array[] = []
  readonly #clusters: Uint8Array[] = []
  readonly #endpoints: Uint8Array[] = []

  /** `none`: what stands for no slot, and for one without a name. */
  constructor(names: FleetNames, render: (name: string) => string, none: string) {
    this.#render = render
    this.#none = encoder.encode(none)
    this.update(names)
  }

  /** A newer snapshot. Names of slots it does not know stay: records written under the older one still come. */
  update(names: FleetNames): void {
    for (const { id, name } of names.listeners) this.#listeners[id] = this.#bytesOf(name)
    for (const cluster of names.clusters) {
      this.#clusters[cluster.id] = this.#bytesOf(cluster.name)
      for (const { id, address } of cluster.endpoints) this.#endpoints[id] = this.#bytesOf(address)
    }
  }

  listener(slot: number): Uint8Array {
    return this.#listeners[slot] ?? this.#none
  }

  cluster(slot: number): Uint8Array {
    return this.#clusters[slot] ?? this.#none
  }

  endpoint(slot: number): Uint8Array {
    return this.#endpoints[slot] ?? this.#none
  }

  #bytesOf(name: string): Uint8Array {
    return encoder.encode(this.#render(name.slice(0, NAME_MAX)))
  }
}
