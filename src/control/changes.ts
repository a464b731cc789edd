import type { Timers } from '../actor/timers.ts'
import type { Crew } from './crew.ts'
import type { Config } from '../config/schema/root.ts'
import { leavingOf, NOBODY_LEAVES, withoutIds } from '../config/leaving.ts'
import type { Leaving, Snapshot } from '../config/snapshot.ts'
import { problemsOf } from './failure.ts'
import type { Loaded, Loader } from './load.ts'
import type { ReloadResult } from './protocol.ts'
import type { Publisher } from './publisher.ts'
import type { Reclaimer } from './reclaim.ts'
import { Serial } from './serial.ts'
import { snapshotWarnings } from './warnings.ts'

export type ChangesContext = {
  readonly loader: Loader
  readonly publisher: Publisher
  readonly reclaimer: Reclaimer
  readonly crew: Crew
  readonly timers: Timers
  /** Changes are for a program that runs: not one that starts or drains. */
  readonly ready: () => boolean
  /** Serve the admin API elsewhere; rejects with a Refusal. */
  readonly moveAdmin: (address: string | undefined) => Promise<void>
  readonly say: (line: string) => void
  /** Something was published, or refused. */
  readonly onChange: () => void
}

/** Names that change together are published together. */
const GATHER_MS = 50

/** How a running program changes: by a reload, or because names mean other addresses now. One change at a time, each whole or not at all. */
export class Changes {
  readonly reloads: { applied: number; refused: number } = { applied: 0, refused: 0 }
  readonly #context: ChangesContext
  readonly #serial = new Serial()
  #config: Config
  #loading = false
  /** Whom the configurations before the present one named, until their slots are free. */
  #leaving: Leaving = NOBODY_LEAVES

  constructor(context: ChangesContext, first: Config) {
    this.#context = context
    this.#config = first
  }

  /** Read the configuration again. Never rejects: a bad one is refused with its reasons, and the old one runs on. */
  reload(): Promise<ReloadResult> {
    return this.#serial.share('reload', async () => {
      const result = await this.#reload()
      if (result.ok) this.reloads.applied++
      else this.reloads.refused++
      this.#context.onChange()
      return result
    })
  }

  /** A reload waits for names, and tells of those that have no address. */
  get loading(): boolean {
    return this.#loading
  }

  /** Publish what names mean now, soon. */
  namesChanged(): void {
    this.#context.timers.after(GATHER_MS, () => void this.#serial.share('names', () => this.#republish()))
  }

  /** After the change under way; no change comes in between. */
  afterwards(task: () => Promise<void>): Promise<void> {
    return this.#serial.run(task)
  }

  async #reload(): Promise<ReloadResult> {
    const { ready, publisher, loader } = this.#context
    if (!ready()) return { ok: false, problems: ['weir: only a program that is ready reloads'] }
    try {
      const warnings = await this.#change()
      return { ok: true, version: publisher.desired().snapshot.version, warnings }
    } catch (thrown) {
      loader.keepNames(this.#config)
      return { ok: false, problems: problemsOf(thrown) }
    }
  }

  async #change(): Promise<readonly string[]> {
    const { publisher, moveAdmin, crew, loader } = this.#context
    const loaded = await this.#load()
    const before = publisher.desired().snapshot
    const warnings = [...loaded.warnings, ...snapshotWarnings(loaded.snapshot, before)]
    const snapshot = this.#succeeding(before, loaded.snapshot)
    crew.assertRoom(snapshot.shards)
    await this.#publish(snapshot, async () => {
      if (snapshot.admin.bind !== before.admin.bind) await moveAdmin(snapshot.admin.bind)
    })
    await crew.resize(snapshot.shards)
    this.#config = loaded.config
    loader.keepNames(loaded.config)
    this.#reclaim()
    return warnings
  }

  async #load(): Promise<Loaded> {
    this.#loading = true
    try {
      return await this.#context.loader.load(this.#config)
    } finally {
      this.#loading = false
    }
  }

  /** The same configuration with the addresses its names have now. */
  async #republish(): Promise<void> {
    const { loader, publisher, ready, say, onChange } = this.#context
    if (!ready()) return
    const before = publisher.desired().snapshot
    try {
      const snapshot = loader.compile(this.#config)
      if (sameEndpoints(before, snapshot)) return
      const next = this.#succeeding(before, snapshot)
      await this.#publish(next)
      this.#reclaim()
      onChange()
    } catch (thrown) {
      for (const line of problemsOf(thrown)) say(line)
    }
  }

  async #publish(next: Succession, prepare?: () => Promise<void>): Promise<void> {
    const { publisher } = this.#context
    try {
      await publisher.publish(next, prepare)
    } finally {
      // It may hold although not everybody could be told.
      if (publisher.desired().snapshot.version === next.version) this.#leaving = next.leaving
    }
  }

  #reclaim(): void {
    const { loader, publisher, reclaimer, timers } = this.#context
    const unused = loader.slots.unused(publisher.desired().snapshot)
    const free = reclaimer.reclaim(unused, timers.nowMs())
    loader.slots.release(free)
    this.#leaving = withoutIds(this.#leaving, free)
  }

  #succeeding(before: Snapshot, snapshot: Snapshot): Succession {
    return { ...snapshot, version: before.version + 1, leaving: leavingOf(before, this.#leaving, snapshot) }
  }
}

/** A snapshot that says who left since the one before. */
type Succession = Snapshot & { readonly leaving: Leaving }

function sameEndpoints(a: Snapshot, b: Snapshot): boolean {
  return JSON.stringify(a.clusters) === JSON.stringify(b.clusters)
}
