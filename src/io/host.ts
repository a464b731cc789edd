/** What threads and processes can be told that Node has no words for. Errors are `Error`s with `code`. */
export interface Host {
  /** Keep the calling thread on these CPUs. */
  pin(cpus: readonly number[]): void
  /**
   * Of the calling thread's V8: when its heap nears its limit, store 1 to `alarm[0]` (shared memory) and give it `extraBytes` more (at least as much again as it
   * had, up to 1 GiB: a table that doubles is one allocation), once, so that whoever watches
   * the word can end the thread before V8 aborts the process. After that Node's own way goes: a worker ends with ERR_WORKER_OUT_OF_MEMORY. Once per thread.
   */
  guardHeap(alarm: Float64Array, extraBytes: number): void
  /**
   * From now until the calling thread ends, `hear` knows of it: `heartbeat[0]` (shared memory, monotonic ms) is when it was last known to live. A thread
   * whose loop waits for work lives and need not wake to say so; one that is awake is heard by what it stores itself, or once it waits again.
   * `busy`, three words: the share of its time it did not wait, smoothed over two seconds, that time in all, in ms, and up to when it is counted.
   */
  attend(heartbeat: Float64Array, busy?: Float64Array): void
  /** From any thread: store now to the heartbeat of every thread that waits for work, and to that of one which did since the last call how long it did at least. Some 2 µs each. */
  hear(): void
  /**
   * Look at shared memory for the calling thread, natively: JavaScript is woken only if there is something to see. `look` is called when the first eight bytes of
   * one of `words` (Int32Array, Float64Array) are others than with the look before, or a heartbeat that `hear` knows is old.
   * `pace`, three words that the calling thread may set at any time, each look goes by them: ms between two looks; ms from one call to the next at most; ms from
   * which on a heartbeat is old, 0: nobody is heard. Whatever `look` throws is an uncaught exception. Until the function that is
   * returned is called; keeps no thread alive.
   */
  watch(pace: Float64Array, words: readonly (Int32Array | Float64Array)[], look: () => void): () => void
  /** sd_notify(3): one datagram to the socket named by NOTIFY_SOCKET (`/path` or `@abstract`, else EINVAL). False if nobody listens there. */
  notify(socket: string, text: string): boolean
  /** Send at most 253 descriptors with 1 to 4096 bytes of text (SCM_RIGHTS; else a RangeError) over a unix stream or seqpacket socket; blocks while it is full, for a second at most (ETIMEDOUT).
   * They stay the caller's, too. EPIPE: the other side is closed. */
  sendFds(socketFd: number, text: string, fds: readonly number[]): void
  /** What `sendFds` sent, or undefined if nothing is there (it does not block). Descriptors are CLOEXEC and ours. ECONNRESET: nothing will come, the other side is closed;
   * EMFILE: there was no room for all of the descriptors, none is kept. */
  receiveFds(socketFd: number): { readonly text: string; readonly fds: readonly number[] } | undefined
  /** Two connected unix seqpacket sockets, CLOEXEC. */
  socketPair(): readonly [number, number]
  /** Clear (true) or set CLOEXEC. */
  keepOnExec(fd: number, keep: boolean): void
  /** EBUSY: it is a connection of the table, which its engine closes. */
  closeFd(fd: number): void
}
