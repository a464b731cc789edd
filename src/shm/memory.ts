/** The part of the global `WebAssembly` used here; the compiler's library for it would bring all of the DOM. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: true }) => {
    readonly buffer: SharedArrayBuffer
  }
}

const PAGE = 65_536
const MAX_PAGES = 65_536

/** Bytes between what two threads write: two cache lines, since the prefetcher of x64 pulls lines in pairs. */
export const LINE = 128

/**
 * Zeroed memory shared by all threads, page-aligned (a plain SharedArrayBuffer is aligned to 16 bytes only). Pages cost nothing until touched.
 * Throws a RangeError beyond 4 GiB or what the system gives.
 */
export const allocateShared = (bytes: number): SharedArrayBuffer => {
  const pages = Math.max(1, Math.ceil(bytes / PAGE))
  if (!(pages <= MAX_PAGES)) throw new RangeError(`${bytes} bytes of shared memory: the limit is 4 GiB`)
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer
}

/** `bytes` rounded up to a multiple of `unit`, a power of two. */
export const alignUp = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit
