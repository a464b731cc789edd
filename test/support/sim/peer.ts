import type { Clockwork } from './clockwork.ts'
import { ERRNO, type SimSocket, type SocketUser } from './socket.ts'

/** How the bytes of one `send` are cut and paced; what is left out is drawn from the profile. */
export type SendScript = {
  /** Sizes of the pieces in bytes; the rest is the last piece. Each travels as one segment. */
  readonly splits?: readonly number[]
  /** Pause before each piece; the last value holds for those after it. */
  readonly delaysMs?: readonly number[]
}

type Step =
  | { readonly kind: 'bytes'; bytes: Uint8Array; readonly whole: boolean; delayMs: number }
  | { readonly kind: 'fin' | 'rst' | 'close'; delayMs: number }

const READ_BYTES = 65_536
const PIECES_PER_SEND = 256
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A scripted far end: a client of an engine's listener, or a backend the engine connected to. What it is told to send
 * goes out in order, cut and delayed by script or by chance; what arrives is kept.
 */
export class SimPeer implements SocketUser {
  readonly name: string
  /** Set false to keep only counts, for bodies too large to store. */
  keepReceived = true
  receivedBytes = 0
  /** The other side's FIN arrived, all its data read. */
  finReceived = false
  /** errno once the connection broke (ECONNRESET, ECONNREFUSED), else 0. */
  resetBy = 0
  onConnect: (() => void) | null = null
  onData: ((bytes: Uint8Array) => void) | null = null
  onFin: (() => void) | null = null
  onReset: ((errno: number) => void) | null = null
  readonly #clock: Clockwork
  readonly #socket: SimSocket
  #chunks: Uint8Array[] = []
  #steps: Step[] = []
  #pacing = false
  #reading = true
  #over = false

  constructor(clock: Clockwork, socket: SimSocket) {
    this.#clock = clock
    this.#socket = socket
    this.name = socket.name
    socket.user = this
  }

  /** Everything received so far, contiguous. */
  get received(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [concat(this.#chunks)]
    return this.#chunks[0] ?? new Uint8Array(0)
  }

  /** `received` as UTF-8 text. */
  get text(): string {
    return decoder.decode(this.received)
  }

  /** The connection is established as far as this side knows. */
  get connected(): boolean {
    return this.#socket.connected
  }

  /** This side has nothing more to do with the connection: it reset or closed it, or it broke. */
  get over(): boolean {
    return this.#over
  }

  /** Bytes that still wait to be sent. */
  get unsentBytes(): number {
    return this.#steps.reduce((sum, step) => sum + (step.kind === 'bytes' ? step.bytes.length : 0), 0)
  }

  send(bytes: Uint8Array | string, script: SendScript = {}): void {
    const whole = typeof bytes === 'string' ? encoder.encode(bytes) : bytes.slice()
    const { chance, profile } = this.#clock
    const least = Math.ceil(whole.length / PIECES_PER_SEND)
    let at = 0
    for (let piece = 0; at < whole.length; piece++) {
      const drawn = script.splits ? whole.length : Math.max(least, chance.size(profile.segmentBytes))
      const size = script.splits?.[piece] ?? drawn
      const delayMs = script.delaysMs?.[piece] ?? script.delaysMs?.at(-1) ?? chance.between(profile.gapMs)
      if (size <= 0) continue
      this.#steps.push({ kind: 'bytes', bytes: whole.subarray(at, at + size), whole: true, delayMs })
      at += size
    }
    this.#pump()
  }

  /** Send FIN after everything sent so far; reading goes on. */
  fin(delayMs = 0): void {
    this.#steps.push({ kind: 'fin', delayMs })
    this.#pump()
  }

  /** Reset after everything sent so far; `delayMs` < 0: now, unsent bytes dropped. */
  rst(delayMs = 0): void {
    if (delayMs < 0) return this.#reset()
    this.#steps.push({ kind: 'rst', delayMs })
    this.#pump()
  }

  /** close(2) after everything sent so far: FIN, and whatever arrives afterwards is answered with RST. */
  close(delayMs = 0): void {
    this.#steps.push({ kind: 'close', delayMs })
    this.#pump()
  }

  /** Leave what arrives in the kernel's buffer: its window fills and the engine's sends come short. */
  stopReading(): void {
    this.#reading = false
  }

  startReading(): void {
    this.#reading = true
    this.readable()
  }

  /** Take at most so many bytes, though it does not read. */
  readSome(bytes: number): void {
    const chunk = new Uint8Array(bytes)
    const count = this.#socket.read(chunk, 0, bytes)
    if (count > 0) this.#take(chunk.slice(0, count))
  }

  readable(): void {
    if (!this.#reading && this.#socket.error !== 0) this.#broke()
    const chunk = new Uint8Array(Math.min(READ_BYTES, Math.max(1, this.#socket.inbox.length)))
    while (this.#reading && !this.#over) {
      const count = this.#socket.read(chunk, 0, chunk.length)
      if (count > 0) this.#take(chunk.slice(0, count))
      else if (count === 0) return this.#ended()
      else if (count === -ERRNO.EAGAIN) return
      else this.#broke()
    }
  }

  writable(): void {
    if (this.onConnect !== null) {
      const connected = this.onConnect
      this.onConnect = null
      connected()
    }
    this.#pump()
  }

  #take(bytes: Uint8Array): void {
    this.receivedBytes += bytes.length
    if (this.keepReceived) this.#chunks.push(bytes)
    this.#clock.note(this.name, 'got', bytes.length)
    this.onData?.(bytes)
  }

  #ended(): void {
    if (this.finReceived) return
    this.finReceived = true
    this.#clock.note(this.name, 'end')
    this.onFin?.()
  }

  #broke(): void {
    if (this.#over) return
    this.#over = true
    this.#steps = []
    this.resetBy = this.#socket.error
    this.#clock.note(this.name, 'reset', this.resetBy)
    this.onReset?.(this.resetBy)
  }

  #reset(): void {
    if (this.#over) return
    this.#over = true
    this.#steps = []
    this.#socket.abort()
  }

  /** Do the steps that are due, one pause at a time. */
  #pump(): void {
    while (!this.#pacing && !this.#over && this.#socket.connected) {
      const step = this.#steps[0]
      if (step === undefined) return
      if (step.delayMs > 0) {
        this.#pacing = true
        this.#clock.after(step.delayMs, () => {
          this.#pacing = false
          step.delayMs = 0
          this.#pump()
        })
        return
      }
      if (!this.#perform(step)) return
      this.#steps.shift()
    }
  }

  /** False if the socket took only part of it. */
  #perform(step: Step): boolean {
    if (step.kind === 'bytes') {
      const taken = this.#socket.write(step.bytes, step.whole)
      if (taken >= 0 && taken < step.bytes.length) {
        step.bytes = step.bytes.subarray(taken)
        return false
      }
      return true
    }
    this.#clock.note(this.name, step.kind)
    if (step.kind === 'fin') this.#socket.shutdown()
    else if (step.kind === 'rst') this.#reset()
    else {
      this.#over = true
      this.#socket.close()
    }
    return true
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
